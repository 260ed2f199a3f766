import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportBoots } from '../../../bench/boot/boot-report.ts';
import type { Boot } from '../../../bench/boot/boot-run.ts';
import { OWN_GATE, parseBootSettings } from '../../../bench/boot/boot-settings.ts';
import { runProgram } from '../../support/program.ts';
import { openWorkFolder, type WorkFolder } from '../../support/work-folder.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
/** Browsers, daemons and a cluster come up. */
const RUN_MS = 5 * 60_000;

const DEFAULTS = { accounts: '40', gates: '1,2,4,8,0', rounds: '1' };

let folder: WorkFolder;
beforeAll(async () => {
  folder = await openWorkFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

it('restores all sessions with each gate, and says how long it takes', { timeout: RUN_MS }, async () => {
  const wish = { accounts: '2', gates: '0', rounds: '1', results: folder.path };
  const args = Object.entries(wish).flatMap(([name, value]) => [`--${name}`, value]);
  const bench = runProgram(['npm', 'run', 'bench', '--', 'boot', ...args], { cwd: ROOT, env: folder.env() });
  expect(await bench.ended, bench.errors()).toBe(0);
  for (const row of ['no gate', `${OWN_GATE} (the daemon’s)`]) expect(bench.output()).toContain(row);
  const written = JSON.parse(await readFile(join(folder.path, 'boot.json'), 'utf8'));
  expect(written.each.map(({ gate }: { gate: number }) => gate)).toEqual([0, OWN_GATE]);
  for (const { allMs, halfMs, falls } of written.each) {
    expect(halfMs[0]).toBeGreaterThan(0);
    expect(allMs[0]).toBeGreaterThanOrEqual(halfMs[0]);
    expect(falls).toBe(0);
  }
  expect(await folder.temporaryFiles()).toEqual([]);
  expect(folder.workers()).toEqual([]);
});

describe('the report', () => {
  const OTHER_GATE = OWN_GATE + 1;
  const settings = { accounts: 40, gates: [OWN_GATE, OTHER_GATE], rounds: 1 };
  const boots = (own: Partial<Boot>): Boot[] => {
    const good = { halfMs: 5_000, allMs: 10_000, falls: 0, cpuMs: 1, probesMs: [2, 105] };
    return [
      { ...good, gate: OWN_GATE, ...own },
      { ...good, gate: OTHER_GATE },
    ];
  };

  it.each([
    ['nothing', {}, []],
    ['a slow boot', { allMs: 12_500 }, ['1.25 × as long as the best gate']],
    ['a probe that was given up', { probesMs: [2, 8_004] }, ['a probe of 8.0 s']],
    ['sessions that fell', { falls: 2 }, ['2 falls of sessions that were up']],
  ] as const)('tells of %s as missed', (_title, own, missed) => {
    const report = reportBoots(settings, boots(own));
    expect(report.figures.missed).toEqual(missed);
    const told = missed.length === 0 ? 'No aim is missed.' : `Missed: ${missed.join('; ')}.`;
    expect(report.notes).toContain(told);
  });

  it('marks another gate that starves sessions, but that is no miss of the daemon', () => {
    const [own, other] = boots({}) as [Boot, Boot];
    const report = reportBoots(settings, [own, { ...other, probesMs: [9_000] }]);
    expect(report.figures.missed).toEqual([]);
    const row = report.tables[0]?.find(([name]) => name === String(OTHER_GATE));
    expect(row?.at(-1)).toBe('9000 ms, missed');
  });

  it('says so where no session was probed', () => {
    const report = reportBoots(settings, boots({ probesMs: [] }));
    const row = report.tables[0]?.find(([name]) => name === `${OWN_GATE} (the daemon’s)`);
    expect(row?.slice(-2)).toEqual(['-', '-']);
  });
});

it('has the daemon’s own gate among those it measures, and names the option that is no good', () => {
  expect(parseBootSettings({ ...DEFAULTS, gates: '0' }).gates).toEqual([0, OWN_GATE]);
  expect(parseBootSettings({ ...DEFAULTS, gates: String(OWN_GATE) }).gates).toEqual([OWN_GATE]);
  expect(() => parseBootSettings({ ...DEFAULTS, accounts: '1' })).toThrow(
    '--accounts takes whole numbers from 2 to 200, not 1.',
  );
});
