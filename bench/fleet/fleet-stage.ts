import { mkdir, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type AccountId, makeAccountId } from '../../src/accounts/ids.ts';
import { type Executor, openDatabase } from '../../src/db/database.ts';
import { migrateToLatest } from '../../src/db/migrator.ts';
import { socketFolderPath } from '../../src/embedded/socket-folder.ts';
import { openRedis } from '../../src/queue/connection.ts';
import { connectionToUrl, openBenchStores, quietLog } from '../bench-stores.ts';
import { type MeasuredDaemon, startMeasuredDaemon } from '../measured-daemon.ts';
import type { ProcessFigures } from './fleet-daemon.ts';
import { countConnected, DAEMON_NAME, readStoreFigures, type StoreFigures } from './store-figures.ts';

/** Between two looks at whether something has come about. */
const LOOK_MS = 200;
const INSTANCE = 'fleet';
const PROGRAM = join(import.meta.dirname, 'fleet-daemon.ts');

/** The daemon and its stores at one moment. */
export interface Look {
  readonly at: number;
  readonly process: ProcessFigures;
  readonly stores: StoreFigures;
}

/** Accounts that are wanted, on a PostgreSQL of their own, and the daemon that runs them on light clients. */
export interface FleetStage extends AsyncDisposable {
  readonly db: Executor;
  readonly ids: readonly AccountId[];
  start(): Promise<MeasuredDaemon<ProcessFigures>>;
  /** Resolves when all accounts are connected. */
  connected(): Promise<void>;
  look(daemon: MeasuredDaemon<ProcessFigures>): Promise<Look>;
}

/** Makes so many accounts, none linked yet. `folder` is made, for all that is written. */
export async function openFleetStage(
  accounts: number,
  folder: string,
  signal: AbortSignal,
): Promise<FleetStage> {
  await mkdir(folder);
  await using stack = new AsyncDisposableStack();
  const stores = stack.use(await openBenchStores(folder, signal));
  const { db } = stack.use(openDatabase({ connection: stores.postgres, log: quietLog }));
  await migrateToLatest(db);
  const ids = await writeAccounts(db, accounts);
  const dataPath = join(await realpath(folder), 'daemon');
  const url = `${connectionToUrl(stores.postgres)}&application_name=${DAEMON_NAME}`;
  const env = makeEnvironment(accounts, dataPath, url);
  const location = { path: join(socketFolderPath(dataPath, 'redis', tmpdir()), 'redis.sock') };
  const opened = stack.move();
  return {
    db,
    ids,
    start: () => startMeasuredDaemon<ProcessFigures>({ path: PROGRAM, env }, signal),
    connected: () => until(async () => (await countConnected(db)) === accounts, signal),
    async look(daemon) {
      await using redis = await openRedis({ location, log: quietLog });
      const stores = await readStoreFigures(db, redis);
      return { at: performance.now(), process: await daemon.figures(), stores };
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
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

/** Looks until it is so. */
export async function until(isSo: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!(await isSo())) await delay(LOOK_MS, undefined, { signal });
}
