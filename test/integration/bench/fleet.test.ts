import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFleetStage, until } from '../../../bench/fleet/fleet-stage.ts';
import { runProgram } from '../../support/program.ts';
import { openWorkFolder, type WorkFolder } from '../../support/work-folder.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
/** Daemons and clusters come up. */
const RUN_MS = 5 * 60_000;

const FEW = 3;
const MANY = 30;
/** What each part of a connected session may wait with. */
const TIMERS_AN_ACCOUNT = 6;

let folder: WorkFolder;
beforeAll(async () => {
  folder = await openWorkFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

/** What a daemon holds open when that many accounts are connected, once it has come to rest at so many timers at most. */
async function holdWith(accounts: number, maxTimers: number, signal: AbortSignal) {
  await using stage = await openFleetStage(accounts, join(folder.path, String(accounts)), signal);
  await using daemon = await stage.start();
  await stage.connected();
  let look = await stage.look(daemon);
  // What follows a connection has deadlines of its own for a moment.
  await until(async () => {
    look = await stage.look(daemon);
    return look.process.timers <= maxTimers;
  }, signal);
  return { ...look.process, ...look.stores };
}

describe('a daemon with many accounts', () => {
  it('holds as many connections as with few, and a few timers for each account', { timeout: RUN_MS }, async ({
    signal,
  }) => {
    const few = await holdWith(FEW, Number.POSITIVE_INFINITY, signal);
    const many = await holdWith(MANY, few.timers + TIMERS_AN_ACCOUNT * (MANY - FEW), signal);
    // The pool, the presence, and those who listen.
    expect(many.databaseConnections).toBeLessThanOrEqual(16);
    expect(many.redisClients).toBe(few.redisClients);
    expect(many.redisBlocked).toBeLessThanOrEqual(few.redisClients);
    expect(many.timers - few.timers).toBeLessThanOrEqual(TIMERS_AN_ACCOUNT * (MANY - FEW));
    expect(many.openFiles).toBeLessThan(few.openFiles + 20);
  });
});

it('measures what an account costs, and says how it grows', { timeout: RUN_MS }, async () => {
  const wish = { sizes: '2,4', settle: '0', seconds: '1', requests: '10', results: folder.path };
  const args = Object.entries(wish).flatMap(([name, value]) => [`--${name}`, value]);
  const bench = runProgram(['npm', 'run', 'bench', '--', 'fleet', ...args], { cwd: ROOT, env: folder.env() });
  expect(await bench.ended, bench.errors()).toBe(0);
  expect(bench.output()).toContain('idle, processor a minute');
  const written = JSON.parse(await readFile(join(folder.path, 'fleet.json'), 'utf8'));
  expect(written.runs.map(({ accounts }: { accounts: number }) => accounts)).toEqual([0, 2, 4]);
  const statements = written.costs.find(({ name }: { name: string }) => name === 'boot, statements');
  expect(statements.each[0]).toBeGreaterThan(0);
  expect(statements.ratios).toHaveLength(1);
});
