import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Phone, startSimulator, type WorldClient } from '../../simulator/client.ts';
import { openBenchStores } from '../bench-stores.ts';
import type { Benchmark, BenchmarkContext, Measured } from '../benchmark.ts';
import { toLatency } from '../latency.ts';
import { makeAccounts } from '../sample-events.ts';
import { DaemonContender } from './daemon-contender.ts';
import { measureBurst, measurePaced } from './inbound-run.ts';
import { measureIngest } from './ingest-run.ts';
import { measureMultiRow, measureNaive } from './insert-limit.ts';
import { LibraryContender } from './library-contender.ts';
import { measureSends } from './outbound-run.ts';
import { type IngestFigures, type PageFigures, type PipelineRun, report } from './pipeline-report.ts';
import { OPTIONS, type PipelineSettings, parsePipelineSettings } from './pipeline-settings.ts';

/** Of the naive consumer, whose every message takes as long as ten in packs. */
const NAIVE_PART = 10;
/** From CONNECTED to the sync: the bare library misses an earlier one on a busy machine. */
const SYNC_MS = 3_000;

/**
 * The way of messages through Switchboard beside what it could be compared with, in one run on one machine: the library
 * alone, the naive consumer, and what PostgreSQL takes at most.
 */
export const pipelineBenchmark: Benchmark = {
  name: 'pipeline',
  summary:
    'messages in and out, from page to PostgreSQL and from the API to the page, against the library alone',
  options: OPTIONS,
  async run(values, context) {
    const settings = parsePipelineSettings(values);
    const folder = await mkdtemp(join(tmpdir(), 'switchboard-bench-'));
    try {
      return await compare(settings, folder, context);
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    }
  },
};

async function compare(
  settings: PipelineSettings,
  folder: string,
  context: BenchmarkContext,
): Promise<Measured> {
  const ingest = await measureQueue(settings, join(folder, 'queue'), context);
  const numbers = [...new Set([1, settings.accounts])];
  const pages: PipelineRun['pages'] = [];
  for (const accounts of numbers) {
    const place = join(folder, String(accounts));
    pages.push({ accounts, ...(await measurePages(accounts, settings, place, context)) });
  }
  return report({ settings, ingest, pages });
}

async function measureQueue(
  { ingest: count, accounts: number }: PipelineSettings,
  folder: string,
  { signal, say }: BenchmarkContext,
): Promise<IngestFigures> {
  await using stores = await openBenchStores(folder, signal);
  const accounts = makeAccounts(number);
  say(`Inserting ${count} rows, many at a time …`);
  const multiRow = await measureMultiRow(stores, { count, accounts, signal });
  const few = Math.ceil(count / NAIVE_PART);
  say(`${few} messages through the naive consumer …`);
  const naive = await measureNaive(stores, { count: few, accounts, signal });
  say(`${count} messages through Switchboard's queue …`);
  const ours = await measureIngest(stores, { count, accounts, folder, signal });
  return { ours, naive, multiRow };
}

async function measurePages(
  accounts: number,
  settings: PipelineSettings,
  folder: string,
  { signal, say }: BenchmarkContext,
): Promise<PageFigures> {
  const text = accounts === 1 ? 'one account' : `${accounts} accounts`;
  await using stores = await openBenchStores(folder, signal);
  await using simulator = await startSimulator();
  const { world } = simulator;
  await world.settings({ syncMs: SYNC_MS });
  say(`Linking ${text} with the library alone …`);
  const libraryPhones = await makePhones('library', accounts, world);
  await using library = await LibraryContender.open(simulator, libraryPhones, { folder, signal });
  say(`Linking ${text} with Switchboard …`);
  const ourPhones = await makePhones('switchboard', accounts, world);
  await using ours = await DaemonContender.open({ simulator, stores, folder }, ourPhones, signal);
  return await measureInTurns({ library, ours }, settings, {
    world,
    signal,
    say: (step) => say(`With ${text}: ${step} …`),
  });
}

interface Pair {
  readonly library: LibraryContender;
  readonly ours: DaemonContender;
}

interface Measuring {
  readonly world: WorldClient;
  readonly signal: AbortSignal;
  readonly say: (step: string) => void;
}

/** One after another in each round: what else the machine does meanwhile then strikes all of them alike. */
async function measureInTurns(
  { library, ours }: Pair,
  settings: PipelineSettings,
  measuring: Measuring,
): Promise<PageFigures> {
  const { rounds, sends } = settings;
  const bursts = await measureBursts({ library, ours }, settings, measuring);
  const figures = { library: makeTimes(), ours: makeTimes() };
  const [paced, sent] = [Math.ceil(settings.paced / rounds), Math.ceil(sends / rounds)];
  // As a burst, one round more goes before them: what both ask over and over is prepared by then.
  for (let round = 0; round <= rounds; round += 1) {
    measuring.say(round === 0 ? 'warming up' : `one message at a time, ${round} of ${rounds}`);
    for (const [contender, times] of [
      [library, figures.library],
      [ours, figures.ours],
    ] as const) {
      const pacedMs = await measurePaced(contender, paced, measuring);
      const { carriedMs, answeredMs } = await measureSends(contender, sent, measuring);
      if (round === 0) continue;
      times.paced.push(...pacedMs);
      times.carried.push(...carriedMs);
      times.answered.push(...answeredMs);
    }
  }
  return {
    library: { bursts: bursts.library, ...timesToLatencies(figures.library) },
    withoutUnread: { bursts: bursts.withoutUnread },
    ours: { bursts: bursts.ours, ...timesToLatencies(figures.ours) },
  };
}

const makeTimes = () => ({ paced: [] as number[], carried: [] as number[], answered: [] as number[] });

function timesToLatencies({ paced, carried, answered }: ReturnType<typeof makeTimes>) {
  return { paced: toLatency(paced), carried: toLatency(carried), answered: toLatency(answered) };
}

/** Messages a second of each round; one more goes before them. */
async function measureBursts(
  { library, ours }: Pair,
  { burst, rounds }: PipelineSettings,
  measuring: Measuring,
) {
  const number = ours.phones.length;
  // Several accounts share twice the burst of one: the machine is theirs together.
  const count = number === 1 ? burst : Math.ceil((burst * 2) / number);
  const rates = { library: [] as number[], withoutUnread: [] as number[], ours: [] as number[] };
  for (let round = 0; round <= rounds; round += 1) {
    measuring.say(round === 0 ? 'warming up' : `burst ${round} of ${rounds}`);
    const withUnread = await measureBurst(library, count, measuring);
    await library.hearUnread(false);
    const withoutUnread = await measureBurst(library, count, measuring);
    await library.hearUnread(true);
    const own = await measureBurst(ours, count, measuring);
    if (round === 0) continue;
    rates.library.push(withUnread);
    rates.withoutUnread.push(withoutUnread);
    rates.ours.push(own);
  }
  return rates;
}

function makePhones(name: string, count: number, world: WorldClient): Promise<Phone[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => world.phone(`${name}-${n}`)));
}
