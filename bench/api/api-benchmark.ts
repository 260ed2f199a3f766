import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AccountId, makeAccountId } from '../../src/accounts/ids.ts';
import { openDatabase } from '../../src/db/database.ts';
import { ingestEvents } from '../../src/db/ingest-store.ts';
import { startBenchDaemon } from '../bench-daemon.ts';
import { type BenchStores, openBenchStores, quietLog } from '../bench-stores.ts';
import type { Benchmark, BenchmarkContext, Measured } from '../benchmark.ts';
import { median } from '../figures.ts';
import { toLatency } from '../latency.ts';
import { makeSampleEvents } from '../sample-events.ts';
import { type ApiSettings, OPTIONS, parseApiSettings } from './api-settings.ts';
import { startBareRoute } from './bare-contender.ts';
import { type LoadTarget, measureAtPace, measureCapacity } from './load.ts';

/** Messages that are written at a time before anything is measured. */
const PACK = 1_000;
/** Connections on which each asks as fast as it is answered. */
const CONNECTIONS = 16;

/** Reading through the API beside a bare Fastify route on the same table, in turns. */
export const apiBenchmark: Benchmark = {
  name: 'api',
  summary: 'reading messages through the API, against a bare Fastify route on the same table',
  options: OPTIONS,
  async run(values, context) {
    const settings = parseApiSettings(values);
    const folder = await mkdtemp(join(tmpdir(), 'switchboard-bench-'));
    try {
      return await compare(settings, folder, context);
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    }
  },
};

interface Contender extends LoadTarget {
  readonly name: string;
  readonly timesMs: number[];
  readonly perSecond: number[];
}

async function compare(
  settings: ApiSettings,
  folder: string,
  { signal, say }: BenchmarkContext,
): Promise<Measured> {
  await using stores = await openBenchStores(folder, signal);
  say('Starting the daemon …');
  await using daemon = await startBenchDaemon({ stores, folder }, signal);
  say(`Writing ${settings.messages} messages …`);
  const accountId = await writeMessages(stores, settings.messages, signal);
  await using bare = await startBareRoute(stores, signal);
  const query = `direction=incoming&limit=${settings.limit}`;
  const contenders = [
    {
      name: 'a bare Fastify route',
      url: `${bare.url}/accounts/${accountId}/messages?${query}`,
      headers: {},
      ...makeResults(),
    },
    {
      name: 'Switchboard’s API',
      url: `${daemon.url}/api/v1/whatsapp/accounts/${accountId}/messages?${query}`,
      headers: { authorization: `Bearer ${daemon.ownerKey}` },
      ...makeResults(),
    },
  ] as const;
  for (let round = 0; round <= settings.rounds; round += 1) {
    say(round === 0 ? 'Warming up …' : `Round ${round} of ${settings.rounds} …`);
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed())
      await measure(contender, settings, { isCounted: round > 0, signal });
  }
  return report(settings, contenders);
}

const makeResults = () => ({ timesMs: [] as number[], perSecond: [] as number[] });

async function measure(
  contender: Contender,
  { rate, seconds }: ApiSettings,
  { isCounted, signal }: { readonly isCounted: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const count = rate * seconds;
  const perSecond = await measureCapacity(contender, { count, signal }, CONNECTIONS);
  const timesMs = await measureAtPace(contender, { perSecond: rate, count, signal });
  if (!isCounted) return;
  contender.perSecond.push(perSecond);
  contender.timesMs.push(...timesMs);
}

function report(settings: ApiSettings, [bare, ours]: readonly [Contender, Contender]): Measured {
  const rows = [bare, ours].map(({ name, perSecond, timesMs }) => ({
    name,
    perSecond: median(perSecond),
    latencyMs: toLatency(timesMs),
  }));
  const [of, by] = [rows[1], rows[0]];
  if (of === undefined || by === undefined) throw new Error('Nothing was measured.');
  const ratios = {
    capacity: of.perSecond / by.perSecond,
    p50: of.latencyMs.p50 / by.latencyMs.p50,
    p99: of.latencyMs.p99 / by.latencyMs.p99,
  };
  return {
    title:
      `Pages of ${settings.limit} of ${settings.messages} messages; ${settings.rounds} rounds of ` +
      `${settings.seconds} s at ${settings.rate} requests a second.`,
    tables: [
      [
        ['', 'as fast as answered', 'p50', 'p99'],
        ...rows.map(({ name, perSecond, latencyMs: { p50, p99 } }) => [
          name,
          `${perSecond.toFixed(0)}/s`,
          `${p50.toFixed(1)} ms`,
          `${p99.toFixed(1)} ms`,
        ]),
        [
          'the API by the bare route',
          `${ratios.capacity.toFixed(2)} ×`,
          `${ratios.p50.toFixed(2)} ×`,
          `${ratios.p99.toFixed(2)} ×`,
        ],
      ],
    ],
    notes: [
      'p50 and p99 are measured from the instant at which a request was due; whoever answers fewer a second than are asked',
      'falls behind. The bare route knows no keys, limits, checks, cursors or reactions, and answers the rows as they are.',
    ],
    figures: { settings, contenders: rows, ratios },
  };
}

async function writeMessages(stores: BenchStores, count: number, signal: AbortSignal): Promise<AccountId> {
  await using database = openDatabase({ connection: stores.postgres, log: quietLog });
  const { db } = database;
  const id = makeAccountId();
  await db
    .insertInto('accounts')
    .values({ id, tenant_id: 'default', daily_limit: 1_000, timezone: 'UTC' })
    .execute();
  const events = [...makeSampleEvents(count, [id], Date.now() - count * 10)].map(({ event }) => event);
  for (let from = 0; from < count; from += PACK) {
    signal.throwIfAborted();
    await ingestEvents(db, id, events.slice(from, from + PACK), new Date());
  }
  return id;
}
