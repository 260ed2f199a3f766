import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { percentile, toLatency } from '../../../bench/latency.ts';
import { report } from '../../../bench/pipeline/pipeline-report.ts';
import { parsePipelineSettings } from '../../../bench/pipeline/pipeline-settings.ts';
import { runProgram } from '../../support/program.ts';
import { openWorkFolder, type WorkFolder } from '../../support/work-folder.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

/** Browsers, a daemon and two clusters come up in each run. */
const RUN_MS = 5 * 60_000;

const DEFAULTS = { burst: '5000', rounds: '3', paced: '400', sends: '200', ingest: '200000', accounts: '5' };

let folder: WorkFolder;

beforeEach(async () => {
  folder = await openWorkFolder();
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

/** As small as it goes, into a folder of its own. */
function startBench(...args: readonly string[]) {
  const counts = { burst: 100, rounds: 1, paced: 10, sends: 10, ingest: 1_000, accounts: 1 };
  const small = Object.entries(counts).flatMap(([name, count]) => [`--${name}`, `${count}`]);
  const command = ['npm', 'run', 'bench', '--', 'pipeline', ...small, ...args] as const;
  return runProgram([...command, '--results', join(folder.path, 'results')], {
    cwd: ROOT,
    env: folder.env(),
  });
}

it('compares the pipeline with the library, the naive consumer and many rows at once', {
  timeout: RUN_MS,
}, async () => {
  const bench = startBench();
  expect(await bench.ended, bench.errors()).toBe(0);
  const lines = bench.output().split('\n');
  const rows = [
    'the library’s README example',
    'the library without unread_count',
    'Switchboard, until committed',
    'out: the API until the network has it',
    'a job a message, an insert a job',
    'rows in many, without a queue',
  ];
  for (const row of rows) {
    expect(lines.filter((line) => line.startsWith(`${row}  `)).length).toBeGreaterThan(0);
  }
  for (const step of ['naive consumer', 'Linking one account with Switchboard', 'burst 1 of 1'])
    expect(bench.errors()).toContain(step);
  const figures = JSON.parse(await readFile(join(folder.path, 'results', 'pipeline.json'), 'utf8'));
  expect(figures).toMatchObject({ benchmark: 'pipeline', toleranceFactor: expect.any(Number) });
  expect(figures.valid).toBe(figures.voidBecause.length === 0);
  expect(figures.aims).toHaveLength(7);
  const [{ burstPerSecond, pacedMs, sendCarriedMs }] = figures.pages;
  const positive = [...Object.values(figures.ingestPerSecond), ...Object.values(burstPerSecond)];
  for (const value of positive) expect(value).toBeGreaterThan(0);
  for (const { p50, p99, count } of [pacedMs.switchboard, sendCarriedMs.switchboard, pacedMs.library]) {
    expect(count).toBe(10);
    expect(p99).toBeGreaterThanOrEqual(p50);
  }
  expect(await folder.temporaryFiles()).toEqual([]);
  expect(folder.workers()).toEqual([]);
});

it('leaves nothing behind when it is interrupted', { timeout: RUN_MS }, async () => {
  const bench = startBench('--burst', '20000');
  await bench.printed('warming up');
  bench.signalGroup('SIGINT');
  expect(await bench.ended).not.toBe(0);
  expect(bench.errors()).not.toMatch(/\n\s+at /);
  expect(await folder.temporaryFiles()).toEqual([]);
  expect(folder.workers()).toEqual([]);
  expect(await readdir(folder.path)).not.toContain('results');
});

it('does a tenth of it when it is to be quick, but for what was chosen', () => {
  expect(parsePipelineSettings({ ...DEFAULTS, quick: 'yes', sends: '33' })).toEqual({
    burst: 500,
    rounds: 1,
    paced: 40,
    sends: 33,
    ingest: 20_000,
    accounts: 5,
  });
  expect(() => parsePipelineSettings({ ...DEFAULTS, burst: '7' })).toThrow('--burst is a whole number');
});

it('is void where what is known of the others does not come out', () => {
  const latency = toLatency([1, 2, 3]);
  const contender = (rate: number) => ({
    bursts: [rate],
    paced: latency,
    carried: latency,
    answered: latency,
  });
  const settings = parsePipelineSettings(DEFAULTS);
  const run = (naive: number, unread: number) =>
    report({
      settings,
      ingest: { ours: 40_000, naive, multiRow: 70_000 },
      pages: [
        {
          accounts: 1,
          library: contender(1_000),
          withoutUnread: { bursts: [unread] },
          ours: contender(2_100),
        },
      ],
    });
  const good = run(5_000, 2_300);
  expect(good.title).not.toContain('VOID');
  expect(good.figures).toMatchObject({ valid: true, voidBecause: [] });
  expect((good.figures.aims as { isMet: boolean }[]).every(({ isMet }) => isMet)).toBe(true);
  expect(run(50_000, 2_300).figures).toMatchObject({
    valid: false,
    voidBecause: [expect.stringContaining('naive consumer')],
  });
  expect(run(5_000, 800).title).toMatch(/^VOID: the library without unread_count/);
});

it('takes the percentile that so many do not exceed', () => {
  const hundred = Array.from({ length: 100 }, (_, n) => 100 - n);
  expect([50, 99, 100].map((percent) => percentile(hundred, percent))).toEqual([50, 99, 100]);
  expect(percentile([7], 99)).toBe(7);
  expect(() => percentile([], 50)).toThrow(RangeError);
});
