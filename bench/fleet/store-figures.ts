import { sql } from 'kysely';
import type { Executor } from '../../src/db/database.ts';
import type { OpenRedis } from '../../src/queue/connection.ts';

/** What the daemon's stores have of it. */
export interface StoreFigures {
  /** Connections to PostgreSQL. */
  readonly databaseConnections: number;
  readonly redisClients: number;
  /** Of these, those that wait for something in a blocking command. */
  readonly redisBlocked: number;
  /** Commands that Redis was given since it began. */
  readonly redisCommands: number;
}

/** What asks is not counted, but for its own commands. */
export async function readStoreFigures(db: Executor, redis: OpenRedis): Promise<StoreFigures> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from pg_stat_activity
    where datname = current_database() and application_name = ${DAEMON_NAME}`.execute(db);
  const info = String(await redis.client.info());
  const read = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? Number.NaN);
  return {
    databaseConnections: rows[0]?.count ?? 0,
    redisClients: read('connected_clients') - 1,
    redisBlocked: read('blocked_clients'),
    redisCommands: read('total_commands_processed'),
  };
}

/** How the daemon's connections are told from ours. */
export const DAEMON_NAME = 'fleet';

/** Accounts in this state. */
export async function countConnected(db: Executor): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from accounts where state = 'connected'`.execute(db);
  return rows[0]?.count ?? 0;
}
