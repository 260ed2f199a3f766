/**
 * Adds to each account under which lease its profile was begun to be used last: what others have of it is older, whatever
 * its number.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = ['alter table accounts add column profile_epoch bigint'];
