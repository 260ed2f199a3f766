/**
 * Adds to each account the folders in which the profile of `profile_epoch` may lie open, so that another instance on the same
 * machine can go on with it. An older daemon may run beside it: it leaves places of an earlier profile behind, and what lies
 * there says itself that it is not the one.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [`alter table accounts add column profile_places text[] not null default '{}'`];
