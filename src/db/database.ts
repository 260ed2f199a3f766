import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { waitMs, withDeadline } from '../lib/abort.ts';
import { AppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { DatabaseWatch } from './database-watch.ts';
import { PreparingClient, StatementNames } from './preparing-client.ts';
import type { Database } from './schema.ts';
import type { ServerVersion } from './server-version.ts';

/** Connections of the pool: a few, since the pipeline writes in large batches. */
const POOL_SIZE = 12;

/**
 * How long a connection may be idle before its other end is asked whether it is there, in milliseconds. Without it
 * a query whose server has vanished with its machine is never answered and never fails.
 */
const KEEP_ALIVE_AFTER_MS = 10_000;

/**
 * The server ends a transaction that a daemon left open when it vanished with its machine, was cut off or stands still: its
 * locks hold up the account elsewhere. Shorter than a lease, after which others have the account, and far longer than any of
 * ours pauses between two statements.
 */
export const END_ABANDONED = "set idle_in_transaction_session_timeout = '15s'";

/** How long queries may take to be answered once the pool closes; then their connections are cut. Milliseconds. */
const CLOSE_DEADLINE_MS = 3_000;

/**
 * How long it may take to make a connection, in milliseconds: one whose packets are lost is tried anew, and not with the long
 * pauses of a network that gives up late.
 */
const CONNECT_DEADLINE_MS = 10_000;

/** Connections that have waited this long for an answer when the leases of this instance lapse, and a little longer, are cut. */
const WAITED_MS = 5_000;
/** What came while this process stood still is read within; milliseconds. */
const READ_MS = 1_000;

/** The option of the pool would count for the wait until one of its connections is free as well. */
class DeadlineClient extends pg.Client {
  constructor(config: pg.ClientConfig = {}) {
    const connectionTimeoutMillis = { value: CONNECT_DEADLINE_MS, enumerable: true };
    // The pool hides the password from whoever lists its options, also from a spread.
    const given = Object.getOwnPropertyDescriptors(config);
    super(Object.defineProperties({}, { connectionTimeoutMillis, ...given }));
  }
}

/** A handle to the database, or a transaction on it: what every store function takes first. */
export type Executor = Kysely<Database>;

export interface OpenDatabase extends AsyncDisposable {
  readonly db: Executor;
  /** Calls the listener each time that the database is back from an outage; it returns at once and never throws. */
  onRecovered(listener: () => void): void;
  /**
   * Cuts the connections that have not been answered for some seconds: what they ask counts no more, and an answer that was
   * lost on its way would be waited for until the network gives up. Never rejects.
   */
  cutWaiting(): Promise<void>;
}

export interface DatabaseOptions {
  /** Anything `pg` takes: a URL, or host (also a socket folder), port, user and database. */
  readonly connection: pg.PoolConfig;
  readonly log: Logger;
  readonly poolSize?: number;
}

/**
 * Opens a connection pool. Nothing is connected before the first query; use `migrateToLatest` to fail early.
 * A connection that breaks is logged and replaced (an unheard `error` would end the process).
 */
export function openDatabase(options: DatabaseOptions): OpenDatabase {
  // DATE stays text: a local date has no instant, and pg would make one of it.
  const types: pg.CustomTypesConfig = {
    getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
      oid === pg.types.builtins.DATE
        ? (value: string) => value
        : pg.types.getTypeParser(oid, format as 'text')) as pg.CustomTypesConfig['getTypeParser'],
  };
  const pool = new pg.Pool({
    max: options.poolSize ?? POOL_SIZE,
    types,
    Client: DeadlineClient,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    // A statement of its own: as a parameter of the connection, poolers such as PgBouncer would refuse it.
    onConnect: async (client) =>
      void (await withDeadline(client.query(END_ABANDONED), CONNECT_DEADLINE_MS, 'A new connection')),
    ...options.connection,
  });
  const watch = new DatabaseWatch(() => sql`select 1`.execute(db), options.log);
  const closed = new AbortController();
  pool.on('error', (thrown) => {
    // The goodbyes of a pool that closes are still on their way when it says that it is closed.
    if (closed.signal.aborted) return;
    watch.broke();
    options.log.warn('A database connection broke while idle', { error: toError(thrown).message });
  });
  const clients = new Set<pg.PoolClient>();
  pool.on('remove', (client) => void clients.delete(client));
  // One that breaks between two statements of a transaction is in nobody's care: the next statement fails.
  pool.on('connect', (client) => {
    clients.add(client);
    watch.answered();
    client.on('error', (thrown) => {
      watch.broke();
      options.log.debug('A database connection broke', { error: toError(thrown).message });
    });
  });
  const names = new StatementNames();
  const preparing = new WeakMap<pg.PoolClient, PreparingClient>();
  const sinceOf = (client: pg.PoolClient) => preparing.get(client)?.waitingSince;
  const watched = {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      try {
        const client = await pool.connect();
        // Kysely knows a connection again by its object.
        const known = preparing.get(client) ?? new PreparingClient(client, names);
        preparing.set(client, known);
        return known;
      } catch (thrown) {
        watch.broke();
        throw thrown;
      }
    },
  };
  const db = new Kysely<Database>({
    dialect: new PostgresDialect({ pool: watched, controlClient: pg.Client }),
  });
  return {
    db,
    onRecovered: watch.onRecovered.bind(watch),
    async cutWaiting() {
      const waited = performance.now() - WAITED_MS;
      const waiting = [...clients].flatMap((client) => {
        const since = sinceOf(client);
        return since === undefined || since > waited ? [] : [{ client, since }];
      });
      if (waiting.length === 0) return;
      await waitMs(READ_MS, closed.signal).catch(() => undefined);
      const silent = waiting.filter(({ client, since }) => sinceOf(client) === since);
      for (const { client } of silent) void client.end();
      if (silent.length > 0)
        options.log.warn('Database connections were cut that did not answer', { connections: silent.length });
    },
    async [Symbol.asyncDispose]() {
      closed.abort();
      await watch.close();
      const destroyed = db.destroy();
      try {
        await withDeadline(destroyed, CLOSE_DEADLINE_MS, 'Closing the database');
      } catch (thrown) {
        options.log.warn('Database connections were cut', { error: toError(thrown).message });
        for (const client of clients) void client.end();
        await destroyed;
      }
    },
  };
}

/**
 * Resolves if the database answers within `deadlineMs` milliseconds.
 * @throws AppError POSTGRES_UNREACHABLE
 */
export async function pingDatabase(db: Executor, deadlineMs: number): Promise<void> {
  try {
    await withDeadline(sql`select 1`.execute(db), deadlineMs, 'The database');
  } catch (thrown) {
    const error = toError(thrown);
    throw new AppError('POSTGRES_UNREACHABLE', {
      message: `PostgreSQL does not answer (${error.message}). Check that it runs and that DATABASE_URL is right.`,
      cause: error,
    });
  }
}

/** What a server says of its version, and its clock. */
export async function readServerClock(db: Executor): Promise<ServerVersion & { readonly now: Date }> {
  const { rows } = await sql<{ version: string; number: number; now: Date }>`
    select current_setting('server_version') as version,
      current_setting('server_version_num')::integer as number, clock_timestamp() as now`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('The server told nothing of itself.');
  return { version: row.version, versionNumber: row.number, now: row.now };
}
