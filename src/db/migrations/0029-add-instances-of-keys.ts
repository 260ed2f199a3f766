/**
 * Adds to each owner key that a start has made or was given whose it is: the instances. Who had one before is not known; each
 * instance that runs now may, until it starts anew. An older daemon may run beside it: whenever it starts, it still replaces
 * the keys of the others.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  "alter table api_keys add column instances text[] not null default '{}'",
  `update api_keys set instances = array(select instance_id from instances order by instance_id)
    where name in ('Owner key made on first start', 'OWNER_API_KEY') and revoked_at is null`,
];
