import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findMachineBrowser, findWholeBrowser } from '../../scripts/machine-browser.ts';
import { type Simulator, startSimulator } from '../../simulator/client.ts';
import { openBenchStores } from '../bench-stores.ts';
import type { Benchmark, BenchmarkContext } from '../benchmark.ts';
import type { Contender, Restored } from './contender.ts';
import { DaemonContender } from './daemon-contender.ts';
import { readFileMemory } from './file-memory.ts';
import { LibraryContender } from './library-contender.ts';
import { type Kind, mapKinds, ProcessTree } from './process-tree.ts';
import {
  type ContenderFigures,
  type Memory,
  report,
  type States,
  SYNC_MS,
  type WeightRun,
} from './sessions-report.ts';
import { OPTIONS, parseSessionsSettings, type SessionsSettings, type Weight } from './sessions-settings.ts';

/** What linked sessions take of a machine, in Switchboard and in the library's own example, side by side in one run. */
export const sessionsBenchmark: Benchmark = {
  name: 'sessions',
  summary: 'memory, processor and start of linked sessions, against the library’s README example',
  options: OPTIONS,
  async run(values, context) {
    const settings = parseSessionsSettings(values);
    const folder = await mkdtemp(join(tmpdir(), 'switchboard-bench-'));
    try {
      const runs: WeightRun[] = [];
      for (const [nth, weight] of settings.weights.entries()) {
        runs.push(await compare(weight, settings, { ...context, folder: join(folder, String(nth)) }));
      }
      return report({ settings, runs, isWhole: findWholeBrowser() !== undefined });
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    }
  },
};

interface Place extends BenchmarkContext {
  readonly folder: string;
}

/** Both at the same time, each launch in turns: what else the machine does meanwhile strikes both alike. */
async function compare(weight: Weight, settings: SessionsSettings, place: Place): Promise<WeightRun> {
  const { folder, signal } = place;
  const { sessions } = settings;
  const say = (step: string) =>
    place.say(`${weight.heapMb > 0 ? 'The heavy page' : 'The light page'}: ${step} …`);
  await using stores = await openBenchStores(folder, signal);
  await using simulator = await startSimulator();
  await simulator.world.settings({
    syncMs: SYNC_MS,
    pageHeapMb: weight.heapMb,
    pageNodes: weight.nodes,
    pageStorageMb: weight.storageMb,
  });
  // What users of the library get.
  const browser = findWholeBrowser() ?? findMachineBrowser();
  await using library = new LibraryContender({ simulator, folder, browser, signal });
  await using ours = await DaemonContender.open({ simulator, stores, folder, sessions, signal });
  const pair: Pair<Contender> = { library, ours };
  const qrMs = await linkInTurns(pair, sessions, say);
  say(`${settings.settle} s of rest`);
  await delay(settings.settle * 1_000, undefined, { signal });
  const states = await measureStates(pair, { settings, simulator, say, signal });
  const restored = await restoreInTurns(pair, settings.rounds, say);
  const figures = (side: keyof Pair<Contender>): ContenderFigures => ({
    name: pair[side].name,
    qrMs: qrMs[side],
    restored: restored[side],
    ...states[side],
  });
  return { weight, library: figures('library'), ours: figures('ours') };
}

interface Pair<T> {
  readonly library: T;
  readonly ours: T;
}

async function ofBoth<T, U>({ library, ours }: Pair<T>, find: (each: T) => U | Promise<U>): Promise<Pair<U>> {
  const [first, second] = await Promise.all([find(library), find(ours)]);
  return { library: first, ours: second };
}

async function linkInTurns(
  { library, ours }: Pair<Contender>,
  sessions: number,
  say: (step: string) => void,
): Promise<Pair<readonly number[]>> {
  const qrMs = { library: [] as number[], ours: [] as number[] };
  for (let session = 1; session <= sessions; session += 1) {
    say(`linking session ${session} of ${sessions}`);
    qrMs.library.push(await library.link());
    qrMs.ours.push(await ours.link());
  }
  return qrMs;
}

async function restoreInTurns(
  { library, ours }: Pair<Contender>,
  rounds: number,
  say: (step: string) => void,
): Promise<Pair<readonly Restored[]>> {
  const restored = { library: [] as Restored[], ours: [] as Restored[] };
  say('ending all sessions but one');
  await library.keepOne();
  await ours.keepOne();
  for (let round = 1; round <= rounds; round += 1) {
    say(`restoring a session, ${round} of ${rounds}`);
    restored.library.push(await library.restore());
    restored.ours.push(await ours.restore());
  }
  return restored;
}

interface Measuring {
  readonly settings: SessionsSettings;
  readonly simulator: Simulator;
  readonly say: (step: string) => void;
  readonly signal: AbortSignal;
}

/** Memory and processor while nothing happens, then while messages come. */
async function measureStates(
  pair: Pair<Contender>,
  { settings: { sessions, seconds }, simulator: { world }, say, signal }: Measuring,
): Promise<Pair<States>> {
  say(`${seconds} s in which nothing happens`);
  const idleCpu = await measureCpu(pair, seconds, signal);
  const atRest = await ofBoth(pair, readMemory);
  const heapBytes = await ofBoth(pair, (contender) => contender.readHeap());
  say(`${seconds} s with a message a second for each session`);
  for (const { phonePrefix } of [pair.library, pair.ours]) {
    for (let session = 0; session < sessions; session += 1) {
      const to = `${phonePrefix}-${session}`;
      await world.burst({ from: ['alice'], to, count: seconds, rate: 1, background: true });
    }
  }
  const busyCpu = await measureCpu(pair, seconds, signal);
  const afterMessages = await ofBoth(pair, readMemory);
  const of = (side: keyof Pair<Contender>): States => ({
    idleCpu: idleCpu[side],
    busyCpu: busyCpu[side],
    atRest: atRest[side],
    afterMessages: afterMessages[side],
    heapBytes: heapBytes[side],
  });
  return { library: of('library'), ours: of('ours') };
}

async function readMemory({ pids }: Contender): Promise<Memory> {
  const tree = new ProcessTree(pids);
  return {
    processes: tree.counts,
    bytes: await tree.readMemory(),
    fileBytes: await readFileMemory(tree.profiles),
  };
}

/** The part of one processor that each takes over some seconds, by kinds of its processes. */
async function measureCpu(
  pair: Pair<Contender>,
  seconds: number,
  signal: AbortSignal,
): Promise<Pair<Record<Kind, number>>> {
  const look = () => ofBoth(pair, ({ pids }) => ({ at: performance.now(), tree: new ProcessTree(pids) }));
  const before = await look();
  await delay(seconds * 1_000, undefined, { signal });
  const after = await look();
  const used = (side: keyof Pair<Contender>) => {
    const [from, to] = [before[side], after[side]];
    const cpuSeconds = to.tree.cpuSecondsSince(from.tree);
    return mapKinds((kind) => (cpuSeconds[kind] * 1_000) / (to.at - from.at));
  };
  return { library: used('library'), ours: used('ours') };
}
