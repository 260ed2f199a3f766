import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Executor } from '../../src/db/database.ts';
import type { BenchmarkContext } from '../benchmark.ts';
import type { MeasuredDaemon } from '../measured-daemon.ts';
import type { ProcessFigures } from './fleet-daemon.ts';
import { measureRequests, type RequestCost, type RequestOptions } from './fleet-requests.ts';
import type { FleetSettings } from './fleet-settings.ts';
import { type FleetStage, type Look, openFleetStage, until } from './fleet-stage.ts';
import type { StatementCount } from './statement-counts.ts';
import type { StoreFigures } from './store-figures.ts';

/** Accounts that requests are about. */
const ASKED_ACCOUNTS = 5;

/** What was done between two moments. */
export interface Work {
  readonly seconds: number;
  readonly cpuMs: number;
  readonly statements: number;
  readonly redisCommands: number;
  /** By their text. */
  readonly byText: Readonly<Record<string, StatementCount>>;
}

/** What a number of accounts costs. */
export interface FleetFigures {
  readonly accounts: number;
  /** From the start of the process until all are connected. */
  readonly boot: Work;
  readonly idle: Work;
  readonly stop: Pick<Work, 'seconds' | 'cpuMs'>;
  readonly list: RequestCost | null;
  readonly health: RequestCost | null;
  readonly send: RequestCost | null;
  readonly held: Pick<ProcessFigures, 'heapBytes' | 'residentBytes' | 'timers' | 'openFiles'> & StoreFigures;
}

/** Links so many accounts, starts the daemon anew, and measures what it does with them. `folder` is for all that is written. */
export async function runFleet(
  accounts: number,
  folder: string,
  settings: FleetSettings,
  { signal, say }: BenchmarkContext,
): Promise<FleetFigures> {
  await using stage = await openFleetStage(accounts, folder, signal);
  const { db } = stage;
  if (accounts > 0) {
    say(`${accounts} accounts are linked …`);
    await using first = await stage.start();
    await stage.connected();
    await until(async () => (await countSealed(db)) === accounts, signal);
    await first.stop();
  }
  say(`${accounts} accounts are restored …`);
  const begunAt = performance.now();
  await using daemon = await stage.start();
  await stage.connected();
  const look = () => stage.look(daemon);
  const started = await look();
  await delay(settings.settle * 1_000, undefined, { signal });
  say(`${accounts} accounts are idle …`);
  const before = await look();
  await delay(settings.seconds * 1_000, undefined, { signal });
  const after = await look();
  say(`${accounts} accounts: the API …`);
  const idle = workBetween(before, after, before.at);
  const options = { count: settings.requests, idleShare: idle.cpuMs / (idle.seconds * 1_000), signal };
  const requests =
    accounts === 0 ? { list: null, health: null, send: null } : await measureApi(daemon, stage, options);
  const { heapBytes, residentBytes, timers, openFiles } = after.process;
  say(`${accounts} accounts are stopped …`);
  const [beforeStop, stopsAt] = [await daemon.figures(), performance.now()];
  const last = await daemon.stop();
  return {
    accounts,
    boot: workBetween(undefined, started, begunAt),
    idle,
    stop: { seconds: (performance.now() - stopsAt) / 1_000, cpuMs: last.cpuMs - beforeStop.cpuMs },
    ...requests,
    held: { heapBytes, residentBytes, timers, openFiles, ...after.stores },
  };
}

function workBetween(before: Look | undefined, after: Look, begunAt: number): Work {
  const counts = Object.entries(after.process.statements).map(([text, { count, ms }]) => {
    const earlier = before?.process.statements[text] ?? { count: 0, ms: 0 };
    return [text, { count: count - earlier.count, ms: ms - earlier.ms }] as const;
  });
  const done = counts
    .filter(([, { count }]) => count > 0)
    .sort(([, one], [, other]) => other.count - one.count);
  return {
    seconds: (after.at - begunAt) / 1_000,
    cpuMs: after.process.cpuMs - (before?.process.cpuMs ?? 0),
    statements: done.reduce((sum, [, { count }]) => sum + count, 0),
    redisCommands: after.stores.redisCommands - (before?.stores.redisCommands ?? 0),
    byText: Object.fromEntries(done),
  };
}

/** Requests concern as few accounts at each number of them: the first of a day costs an account more than the next ones. */
async function measureApi(
  daemon: MeasuredDaemon<ProcessFigures>,
  { db, ids }: FleetStage,
  options: RequestOptions,
): Promise<Pick<FleetFigures, 'list' | 'health' | 'send'>> {
  const asked = ids.slice(0, ASKED_ACCOUNTS);
  const idOf = (nth: number) => asked[nth % asked.length];
  const { count, signal } = options;
  return {
    list: await measureRequests(daemon, { path: () => '/accounts?limit=10' }, options),
    health: await measureRequests(daemon, { path: (nth) => `/health/${idOf(nth)}` }, options),
    send: await measureRequests(
      daemon,
      {
        path: (nth) => `/accounts/${idOf(nth)}/messages`,
        body: (nth) => ({ to: `+1555${String(1_000_000 + nth)}`, text: 'Good morning.' }),
        done: () => until(async () => (await countSent(db)) === count, signal),
      },
      options,
    ),
  };
}

async function countSent(db: Executor): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from messages where direction = 'outgoing' and status = 'sent'`.execute(
    db,
  );
  return rows[0]?.count ?? 0;
}

/** Accounts of which there is a snapshot. */
async function countSealed(db: Executor): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(distinct account_id)::integer as count from vault_snapshots`.execute(db);
  return rows[0]?.count ?? 0;
}
