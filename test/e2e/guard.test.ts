import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Phone } from '../../simulator/client.ts';
import { findProcessIds, openStage, type Stage } from '../support/stage.ts';

/** The guard sweeps twice, a second apart; what it misses stays for ever. */
const PATIENCE_MS = 60_000;

let stage: Stage;
let neighbour: Stage;
let shop: Phone;
let accountId: string;

beforeAll(async () => {
  stage = await openStage();
  neighbour = await openStage();
  shop = await stage.world.phone('shop');
  accountId = await stage.link(shop);
  await neighbour.link(await neighbour.world.phone('neighbour'));
});

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  await neighbour[Symbol.asyncDispose]();
});

function statOf(pid: number): { parent: number; group: number } {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent, group] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? { parent: 0, group: 0 } : { parent: Number(parent), group: Number(group) };
  } catch {
    return { parent: 0, group: 0 };
  }
}

/** All processes of a stage's browsers, also those that do not name the profile. */
function browserTree(of: Stage): number[] {
  const roots = findProcessIds(`--user-data-dir=${of.folder}/`);
  const groups = new Set(roots.map((pid) => statOf(pid).group));
  return findProcessIds('--').filter((pid) => groups.has(statOf(pid).group));
}

function guardOf(of: Stage): number {
  const guard = findProcessIds('/guard.sh').find((pid) => statOf(pid).parent === of.daemon().pid);
  if (guard === undefined) throw new Error('The daemon has no guard.');
  return guard;
}

const living = (pids: readonly number[]) => pids.filter((pid) => statOf(pid).group !== 0);
/** What a process is and does, for whoever reads of one that should not be there. */
function describeProcess(pid: number): string {
  const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8').replaceAll('\0', ' ');
  return `${read('stat').slice(0, 60)} ${read('cmdline').slice(0, 300)}`;
}

const gone = (pids: readonly number[]) =>
  expect.poll(() => living(pids).map(describeProcess), { timeout: PATIENCE_MS }).toEqual([]);

it.each([
  ['stands still as a whole', () => true],
  ['has a page that stands still', (line: string) => line.includes('--type=renderer')],
])(
  'ends a browser that %s when its daemon is killed, and leaves that of another daemon (F28)',
  async (...args) => {
    const [, isStopped] = args;
    const [tree, guard, others] = [browserTree(stage), guardOf(stage), browserTree(neighbour)];
    expect(tree.length).toBeGreaterThan(2);
    const stopped = tree.filter((pid) => isStopped(readFileSync(`/proc/${pid}/cmdline`, 'utf8')));
    expect(stopped.length).toBeGreaterThan(0);
    for (const pid of stopped) process.kill(pid, 'SIGSTOP');
    await stage.daemon().kill();
    await gone([...tree, guard]);
    expect(living(others)).toEqual(others);
    await stage.start();
    await stage.api.reached(accountId, 'Connected');
  },
);

it('stops with its guard, after its browsers', async () => {
  const [tree, guard] = [browserTree(stage), guardOf(stage)];
  expect(await stage.daemon().stop()).toBe(0);
  expect(living([...tree, guard])).toEqual([]);
});

it('ends its browsers also when the daemon ends without a word in the middle of its stop', async () => {
  await stage.start();
  await stage.api.reached(accountId, 'Connected');
  const [tree, guard] = [browserTree(stage), guardOf(stage)];
  for (const pid of tree) process.kill(pid, 'SIGSTOP');
  const stopping = stage.daemon().stop();
  await stage.daemon().kill();
  await stopping;
  await gone([...tree, guard]);
});
