import { mkdir, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { type AccountId, makeAccountId } from '../../src/accounts/ids.ts';
import { type Executor, openDatabase } from '../../src/db/database.ts';
import { migrateToLatest } from '../../src/db/migrator.ts';
import { socketFolderPath } from '../../src/embedded/socket-folder.ts';
import { openRedis } from '../../src/queue/connection.ts';
import { connectionToUrl, openBenchStores, quietLog } from '../bench-stores.ts';
import type { BenchmarkContext } from '../benchmark.ts';
import { type MeasuredDaemon, startMeasuredDaemon } from '../measured-daemon.ts';
import type { ProcessFigures } from './fleet-daemon.ts';
import { measureRequests, type RequestCost } from './fleet-requests.ts';
import type { FleetSettings } from './fleet-settings.ts';
import type { StatementCount } from './statement-counts.ts';
import { countConnected, DAEMON_NAME, readStoreFigures, type StoreFigures } from './store-figures.ts';

/** Between two looks at whether something has come about. */
const LOOK_MS = 200;
/** What follows a start is over by then: reading pages back, their contacts, the first pauses. */
const SETTLE_MS = 12_000;
const INSTANCE = 'fleet';
const PROGRAM = join(import.meta.dirname, 'fleet-daemon.ts');

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
  await mkdir(folder);
  await using stores = await openBenchStores(folder, signal);
  await using database = openDatabase({ connection: stores.postgres, log: quietLog });
  const { db } = database;
  await migrateToLatest(db);
  const ids = await writeAccounts(db, accounts);
  const dataPath = join(await realpath(folder), 'daemon');
  const env = makeEnvironment(
    accounts,
    dataPath,
    `${connectionToUrl(stores.postgres)}&application_name=${DAEMON_NAME}`,
  );
  const start = () => startMeasuredDaemon<ProcessFigures>({ path: PROGRAM, env }, signal);
  if (accounts > 0) {
    say(`${accounts} accounts are linked …`);
    await using first = await start();
    await until(
      async () => (await countConnected(db)) === accounts && (await countSealed(db)) === accounts,
      signal,
    );
    await first.stop();
  }
  say(`${accounts} accounts are restored …`);
  const begunAt = performance.now();
  await using daemon = await start();
  await until(async () => (await countConnected(db)) === accounts, signal);
  await using redis = await openRedis({
    location: { path: join(socketFolderPath(dataPath, 'redis', tmpdir()), 'redis.sock') },
    log: quietLog,
  });
  const look = async () => ({
    at: performance.now(),
    process: await daemon.figures(),
    stores: await readStoreFigures(db, redis),
  });
  const started = await look();
  await delay(SETTLE_MS, undefined, { signal });
  say(`${accounts} accounts are idle …`);
  const before = await look();
  await delay(settings.seconds * 1_000, undefined, { signal });
  const after = await look();
  say(`${accounts} accounts: the API …`);
  const requests =
    accounts === 0 ? null : await measureApi(daemon, db, { ids, count: settings.requests, signal });
  const { heapBytes, residentBytes, timers, openFiles } = after.process;
  say(`${accounts} accounts are stopped …`);
  const [beforeStop, stopsAt] = [await daemon.figures(), performance.now()];
  const last = await daemon.stop();
  return {
    accounts,
    boot: workBetween(undefined, started, begunAt),
    idle: workBetween(before, after, before.at),
    stop: { seconds: (performance.now() - stopsAt) / 1_000, cpuMs: last.cpuMs - beforeStop.cpuMs },
    list: requests?.list ?? null,
    health: requests?.health ?? null,
    send: requests?.send ?? null,
    held: { heapBytes, residentBytes, timers, openFiles, ...after.stores },
  };
}

interface Look {
  readonly at: number;
  readonly process: ProcessFigures;
  readonly stores: StoreFigures;
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

function makeEnvironment(accounts: number, dataPath: string, databaseUrl: string): Record<string, string> {
  return {
    DATA_PATH: dataPath,
    LOG_DIR: join(dataPath, 'logs'),
    LOG_LEVEL: 'warn',
    WHATSAPP_RUNTIME_PATH: join(dataPath, 'live'),
    WHATSAPP_SESSION_PATH: join(dataPath, 'sessions'),
    DATABASE_URL: databaseUrl,
    INSTANCE_ID: INSTANCE,
    WHATSAPP_MAX_CONNECTIONS: String(Math.max(1, accounts)),
    WHATSAPP_MESSAGE_RATE_LIMIT: '0',
    WHATSAPP_DAILY_LIMIT: '1000000',
    API_RATE_LIMIT: '0',
  };
}

async function writeAccounts(db: Executor, count: number): Promise<readonly AccountId[]> {
  const ids = Array.from({ length: count }, () => makeAccountId());
  const rows = ids.map((id) => ({
    id,
    tenant_id: 'default',
    daily_limit: 1_000_000,
    timezone: 'UTC',
    wanted: true,
    instance_id: INSTANCE,
  }));
  for (let from = 0; from < count; from += 500)
    await db
      .insertInto('accounts')
      .values(rows.slice(from, from + 500))
      .execute();
  return ids;
}

/** Accounts of which there is a snapshot. */
async function countSealed(db: Executor): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(distinct account_id)::integer as count from vault_snapshots`.execute(db);
  return rows[0]?.count ?? 0;
}

async function measureApi(
  daemon: MeasuredDaemon<ProcessFigures>,
  db: Executor,
  {
    ids,
    count,
    signal,
  }: { readonly ids: readonly AccountId[]; readonly count: number; readonly signal: AbortSignal },
): Promise<{ readonly list: RequestCost; readonly health: RequestCost; readonly send: RequestCost }> {
  const idOf = (nth: number) => ids[nth % ids.length];
  const options = { count, signal };
  const sent = () => until(async () => (await countSent(db)) === count, signal);
  return {
    list: await measureRequests(daemon, { path: () => '/accounts?limit=10' }, options),
    health: await measureRequests(daemon, { path: (nth) => `/health/${idOf(nth)}` }, options),
    send: await measureRequests(
      daemon,
      {
        path: (nth) => `/accounts/${idOf(nth)}/messages`,
        body: (nth) => ({ to: `+1555${String(1_000_000 + nth)}`, text: 'Good morning.' }),
        done: sent,
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

async function until(isSo: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!(await isSo())) await delay(LOOK_MS, undefined, { signal });
}
