import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runProgram } from '../../support/program.ts';
import { openWorkFolder, type WorkFolder } from '../../support/work-folder.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

const BYTES = 3_000_000;

let folder: WorkFolder;

beforeEach(async () => {
  folder = await openWorkFolder();
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

/** Small, into a folder of its own. */
function startBench(...args: readonly string[]) {
  return runProgram(['npm', 'run', 'bench', '--', ...args], { cwd: ROOT, env: folder.env() });
}

function startVault(...args: readonly string[]) {
  const small = ['--size', `${BYTES / 1e6}`, '--rounds', '2', '--results', join(folder.path, 'results')];
  return startBench('vault', ...small, ...args);
}

interface Comparison {
  readonly ours: number;
  readonly theirs: number;
  readonly ratio: number;
}

async function readFigures() {
  const text = await readFile(join(folder.path, 'results', 'vault.json'), 'utf8');
  return JSON.parse(text) as {
    readonly profile: { readonly bytes: number; readonly files: number };
    readonly sealRatio: number;
    readonly sizeBytes: Comparison;
    readonly sealMs: Comparison;
    readonly sealSyncedMs: Comparison;
    readonly openMs: Comparison;
    readonly rounds: readonly object[];
    readonly memory: Record<'seal' | 'open', Record<'heapBytes' | 'bufferBytes' | 'growthBytes', number>>;
  };
}

// With Node's zstd: it is on every machine, the program is not.
it('compares the vault with tar and zstd, in a table and in a file', async () => {
  const bench = startVault('--zstd', 'node');
  expect(await bench.ended, bench.errors()).toBe(0);
  const headings = ['', 'Switchboard', "tar | zstd -1 (Node's)", 'ratio'];
  const lines = bench.output().split('\n');
  expect(lines.map((line) => line.split(/ {3,}/))).toContainEqual(headings);
  for (const row of ['sealing, until the file is written', 'opening', 'size of the file']) {
    expect(lines.filter((line) => line.startsWith(`${row}  `))).toEqual([
      expect.stringMatching(/ {3}\d+\.\d\d$/),
    ]);
  }

  const { profile, sizeBytes: size, memory, rounds, ...times } = await readFigures();
  expect(profile).toMatchObject({ bytes: BYTES, files: expect.toSatisfy((files) => files > 10) });
  expect(rounds).toHaveLength(2);
  // Smaller than the profile, larger than nothing, and much the same on either side.
  expect(size.ours).toBeGreaterThan(BYTES / 4);
  expect(size.ours).toBeLessThan(BYTES);
  expect(Math.abs(size.ratio - 1)).toBeLessThan(0.05);
  for (const { ours, theirs, ratio } of [times.sealMs, times.sealSyncedMs, times.openMs]) {
    expect(Math.min(ours, theirs)).toBeGreaterThan(0);
    expect(ratio).toBeCloseTo(ours / theirs);
  }
  expect(times.sealSyncedMs.ours).toBeGreaterThanOrEqual(times.sealMs.ours);
  expect(times.sealRatio).toBe(times.sealMs.ratio);
  for (const { heapBytes, bufferBytes, growthBytes } of [memory.seal, memory.open]) {
    expect(Math.min(heapBytes, bufferBytes, growthBytes)).toBeGreaterThan(0);
    expect(heapBytes).toBeLessThan(64 * 1024 ** 2);
  }
  expect(await folder.temporaryFiles()).toEqual([]);
});

it('leaves nothing behind when it is interrupted', async () => {
  const bench = startVault('--rounds', '100', '--zstd', 'node');
  await bench.printed('Round 1 of 100');
  bench.signalGroup('SIGINT');
  expect(await bench.ended).not.toBe(0);
  expect(bench.errors()).not.toMatch(/\n\s+at /);
  expect(await folder.temporaryFiles()).toEqual([]);
  expect(folder.workers()).toEqual([]);
  expect(await readdir(folder.path)).not.toContain('results');
});

it('names the benchmarks, and refuses what it does not know', async () => {
  const asked = startBench();
  expect(await asked.ended, asked.errors()).toBe(0);
  expect(asked.output()).toMatch(/^ {2}vault: .+\n {6}--size /m);
  const refusals = [
    [['pigeons'], 'There is no benchmark pigeons. There is: api, boot, fleet, pipeline, sessions, vault.'],
    [['vault', '--size', '0'], '--size is a whole number from 1 to 4000, not 0.'],
    [['vault', '--zstd', 'best'], '--zstd is one of auto, program, node, not best.'],
    [['vault', '--fast'], "Unknown option '--fast'"],
  ] as const;
  for (const [args, sentence] of refusals) {
    const bench = startBench(...args);
    expect(await bench.ended).toBe(1);
    expect(bench.errors()).toContain(sentence);
    expect(bench.errors()).not.toMatch(/\n\s+at /);
  }
});
