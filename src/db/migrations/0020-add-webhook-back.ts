/**
 * Adds to webhooks since when their endpoint is back: what waits is made due until all of it is. An older daemon may run beside
 * it: it makes due by itself what waits for an endpoint that it finds back.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  'alter table webhooks add column back_at timestamptz',
  'create index webhooks_back on webhooks (back_at) where back_at is not null',
];
