/**
 * Adds how many batches of changes were taken from the feed, and how many of them were told. An older daemon may run beside it:
 * what it takes is not counted.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table change_feed
      add column taken bigint not null default 0,
      add column told bigint not null default 0`.execute(db);
}
