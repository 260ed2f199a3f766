/**
 * Adds which daemons told their clients something past the stream of events that is not marked there yet. An older daemon may run
 * beside it: its gaps are missing here.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table realtime_gaps (uid text primary key, at timestamptz not null)`.execute(db);
}
