/**
 * Connections whose session at the server matters, since it listens or holds a lock: both sides look whether the other is
 * still there. A machine that vanished is noticed after half a minute, not hours, and a daemon that stands still within a
 * transaction keeps nobody waiting for longer than one of the pool's.
 */
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { END_ABANDONED, type Executor } from './database.ts';
import { PreparingClient, StatementNames } from './preparing-client.ts';
import type { Database } from './schema.ts';

/** A server that takes a connection and says nothing is given up after this, in milliseconds. */
const CONNECT_DEADLINE_MS = 5_000;
/** How the client looks whether the server is there, in milliseconds of silence. */
const KEEP_ALIVE_AFTER_MS = 10_000;

/** The server's own look at whether we are there. */
const NOTICE_VANISHED =
  'set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 4';

/** A client that is not connected yet. */
export function makeSessionClient(connection: pg.ClientConfig): pg.Client {
  return new pg.Client({
    connectionTimeoutMillis: CONNECT_DEADLINE_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    ...connection,
  });
}

/** Connects it. @throws what `pg` throws */
export async function connectSession(client: pg.Client): Promise<void> {
  await client.connect();
  await client.query(`${NOTICE_VANISHED}; ${END_ABANDONED}`);
}

/** For statements on that one connection, one after another: a transaction beside another statement would mix the two. */
export function clientToExecutor(client: pg.Client): Executor {
  const pooled = Object.assign(client, { release: () => undefined });
  const connection = new PreparingClient(pooled, new StatementNames());
  const pool = { options: {}, connect: async () => connection, end: async () => undefined };
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
}
