/**
 * Adds which instances may have left jobs in an inbound queue of theirs, with the run that each entered last, so that another
 * can store what one leaves that never comes back. An older daemon may run beside it: its queue is known from its accounts.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  'create table inbound_queues (instance_id text primary key, run bigint not null)',
  `insert into inbound_queues (instance_id, run)
    select instance_id, 0 from accounts where instance_id is not null union select instance_id, 0 from instances`,
];
