/**
 * Adds to each run when other instances were seen last, and to each snapshot the instance that sealed it, on whose disk it
 * lies. An older daemon may run beside it: of what it seals nobody is known to have sealed it.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  'alter table instances add column others_seen_at timestamptz',
  'alter table vault_snapshots add column sealed_by text',
];
