import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseApiSettings } from '../../../bench/api/api-settings.ts';
import { runProgram } from '../../support/program.ts';
import { openWorkFolder, type WorkFolder } from '../../support/work-folder.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
/** A daemon and a cluster come up. */
const RUN_MS = 3 * 60_000;

let folder: WorkFolder;

beforeEach(async () => {
  folder = await openWorkFolder();
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

it('compares reads through the API with a bare route on the same table', { timeout: RUN_MS }, async () => {
  const counts = { rate: 20, seconds: 1, rounds: 1, messages: 200, limit: 5 };
  const small = Object.entries(counts).flatMap(([name, count]) => [`--${name}`, `${count}`]);
  const results = join(folder.path, 'results');
  const bench = runProgram(['npm', 'run', 'bench', '--', 'api', ...small, '--results', results], {
    cwd: ROOT,
    env: folder.env(),
  });
  expect(await bench.ended, bench.errors()).toBe(0);
  for (const row of ['a bare Fastify route', 'Switchboard’s API', 'the API by the bare route'])
    expect(bench.output()).toContain(row);
  const record = JSON.parse(await readFile(join(results, 'api.json'), 'utf8'));
  expect(record).toMatchObject({ benchmark: 'api', settings: counts });
  const positive = expect.toSatisfy((value: number) => value > 0);
  expect(record.ratios).toEqual({ capacity: positive, p50: positive, p99: positive });
  expect(record.contenders.map(({ latencyMs }: { latencyMs: { count: number } }) => latencyMs.count)).toEqual(
    [20, 20],
  );
});

it('names the option that is no good', () => {
  const defaults = { rate: '1000', seconds: '5', rounds: '3', messages: '20000', limit: '10' };
  expect(parseApiSettings(defaults)).toMatchObject({ rate: 1000, limit: 10 });
  expect(() => parseApiSettings({ ...defaults, limit: '101' })).toThrow(
    '--limit is a whole number from 1 to 100, not 101.',
  );
});
