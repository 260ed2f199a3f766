import type { Config } from '../config/config.ts';
import { type Executor, type OpenDatabase, openDatabase, pingDatabase } from '../db/database.ts';
import type { PresenceOptions } from '../db/instance-presence.ts';
import { migrateToLatest } from '../db/migrator.ts';
import { ensurePartitions, MONTHS_AHEAD } from '../db/partitions.ts';
import { openEmbeddedPostgres } from '../embedded/postgres.ts';
import { openEmbeddedRedis } from '../embedded/redis.ts';
import { orAborted } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { type OpenRedis, openRedis, type RedisLocation } from '../queue/connection.ts';
import type { AppEdge } from './edge.ts';

/** A database over the network may take a moment for the first connection. */
const START_DEADLINE_MS = 10_000;

export interface Stores extends AsyncDisposable {
  readonly db: Executor;
  readonly database: OpenDatabase;
  readonly redis: OpenRedis;
  /** Of the database, for what needs one of its own. */
  readonly connection: PresenceOptions['connection'];
}

/** The database, migrated, and Redis: brought up here, or those that were given. Both ways run the same code. */
export async function openStores(
  config: Config,
  { log, edge, dataPath }: { readonly log: Logger; readonly edge: AppEdge; readonly dataPath: string },
): Promise<Stores> {
  await using stack = new AsyncDisposableStack();
  const { env, signal } = edge;
  const embedded = { dataPath, log, env };
  const connection =
    config.database.kind === 'given'
      ? { connectionString: config.database.url }
      : stack.use(await openEmbeddedPostgres(embedded, { signal })).connection;
  const location: RedisLocation =
    config.redis.kind === 'given'
      ? { urls: config.redis.urls }
      : stack.use(await openEmbeddedRedis(embedded, { signal })).connection;
  // Without a limit a server that takes connections and says nothing would hold them, and our end, for ever.
  const limited = { ...connection, connectionTimeoutMillis: START_DEADLINE_MS };
  const database = stack.use(openDatabase({ connection: limited, log }));
  const { db } = database;
  await orAborted(pingDatabase(db, START_DEADLINE_MS), signal);
  await migrateToLatest(db);
  await createPartitions(db, { log, clock: edge.clock });
  const redis = stack.use(await openRedis({ location, log }));
  signal.throwIfAborted();
  const opened = stack.move();
  return { db, database, redis, connection: limited, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Nothing stands still without them, so a table that is in use, by a dump of the database say, stops no start. */
async function createPartitions(
  db: Executor,
  { log, clock }: { readonly log: Logger; readonly clock: Clock },
): Promise<void> {
  try {
    await ensurePartitions(db, new Date(clock.now()), MONTHS_AHEAD);
  } catch (thrown) {
    log.warn('The partitions of messages could not be created; it is tried again every day', {
      error: toError(thrown).message,
    });
  }
}
