/** Drops the index of changes by age, which every message paid for: their numbers follow their age closely enough. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`drop index message_changes_by_age`.execute(db);
}
