/**
 * Adds the instant up to which an account's messages are known to be taken over from its page. An older daemon may
 * run beside it: it leaves the column alone, which only makes the next catch-up read further back.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table accounts add column caught_up_to timestamptz`.execute(db);
}
