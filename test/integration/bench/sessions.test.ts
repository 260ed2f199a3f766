import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { mapKinds } from '../../../bench/sessions/process-tree.ts';
import { type ContenderFigures, report } from '../../../bench/sessions/sessions-report.ts';
import { LIGHT, parseSessionsSettings } from '../../../bench/sessions/sessions-settings.ts';
import { runProgram } from '../../support/program.ts';
import { openWorkFolder, type WorkFolder } from '../../support/work-folder.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
/** Browsers, a daemon and a cluster come up. */
const RUN_MS = 5 * 60_000;

const DEFAULTS = {
  ...{ sessions: '5', settle: '45', seconds: '30', rounds: '5' },
  ...{ heap: '100', nodes: '2000', storage: '20', only: '' },
};

let folder: WorkFolder;

beforeEach(async () => {
  folder = await openWorkFolder();
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

it('compares linked sessions with those of the library', { timeout: RUN_MS }, async () => {
  const counts = {
    sessions: 1,
    settle: 0,
    seconds: 1,
    rounds: 1,
    heap: 10,
    nodes: 100,
    storage: 1,
    only: 'heavy',
  };
  const small = Object.entries(counts).flatMap(([name, count]) => [`--${name}`, `${count}`]);
  const results = join(folder.path, 'results');
  const bench = runProgram(['npm', 'run', 'bench', '--', 'sessions', ...small, '--results', results], {
    cwd: ROOT,
    env: folder.env(),
  });
  expect(await bench.ended, bench.errors()).toBe(0);
  for (const row of [
    'memory, renderer',
    'processor at rest, with Node',
    'launch to QR',
    'profile on the disk',
  ])
    expect(bench.output()).toContain(row);
  const record = JSON.parse(await readFile(join(results, 'sessions.json'), 'utf8'));
  expect(record).toMatchObject({ benchmark: 'sessions', settings: { sessions: 1 } });
  expect(record.memoryRatio).toBeGreaterThan(0);
  const [{ library, ours }] = record.pages;
  for (const { atRest, qrMs, restored, heapBytes } of [library, ours]) {
    expect(atRest.processes).toMatchObject({ browser: 1, node: 1 });
    for (const kind of ['browser', 'renderer', 'node']) expect(atRest.bytes[kind]).toBeGreaterThan(1e6);
    for (const value of [heapBytes, atRest.fileBytes, qrMs[0], restored[0].readyMs, restored[0].storedBytes])
      expect(value).toBeGreaterThan(0);
  }
  expect(await folder.temporaryFiles()).toEqual([]);
  expect(folder.workers()).toEqual([]);
});

it('measures both pages unless one is chosen, and names the option that is no good', () => {
  const heavy = { heapMb: 100, nodes: 2_000, storageMb: 20 };
  expect(parseSessionsSettings(DEFAULTS).weights).toEqual([LIGHT, heavy]);
  expect(parseSessionsSettings({ ...DEFAULTS, only: 'light' }).weights).toEqual([LIGHT]);
  expect(parseSessionsSettings({ ...DEFAULTS, only: 'heavy' }).weights).toEqual([heavy]);
  expect(() => parseSessionsSettings({ ...DEFAULTS, only: 'none' })).toThrow('--only is "light" or "heavy"');
  expect(() => parseSessionsSettings({ ...DEFAULTS, heap: 'much' })).toThrow('--heap is a whole number');
});

/** Each kind takes so many bytes, and everything else so much. */
function makeFigures(bytes: number): ContenderFigures {
  const memory = { processes: mapKinds(() => 1), bytes: mapKinds(() => bytes), fileBytes: bytes };
  return {
    name: 'one',
    atRest: memory,
    afterMessages: memory,
    idleCpu: mapKinds(() => bytes),
    busyCpu: mapKinds(() => bytes),
    heapBytes: bytes,
    qrMs: [bytes],
    restored: [{ readyMs: 3_000 + bytes, storedBytes: bytes }],
  };
}

it('says which aims are missed, and is void where the library had no whole browser', () => {
  const settings = parseSessionsSettings({ ...DEFAULTS, only: 'light' });
  const runs = [{ weight: LIGHT, library: makeFigures(100), ours: makeFigures(50) }];
  const good = report({ settings, runs, isWhole: true });
  expect(good.figures).toMatchObject({ valid: true, memoryRatio: 0.5 });
  const missed = good.tables[0]?.filter((row) => row.some((cell) => cell.includes('missed')));
  expect(missed?.map(([name]) => name)).toEqual(
    expect.arrayContaining(['memory at rest, with Node', 'profile on the disk']),
  );
  expect(report({ settings, runs, isWhole: false }).title).toMatch(/^VOID/);
});
