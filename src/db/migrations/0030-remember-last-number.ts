/**
 * Adds to each account the number that was linked last, which stays while a link has told none yet: by it the link is known to
 * be of another phone. An older daemon may run beside it: it does not write it, so that `phone_number` goes before it.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  'alter table accounts add column last_phone_number text',
  'update accounts set last_phone_number = phone_number where phone_number is not null',
];
