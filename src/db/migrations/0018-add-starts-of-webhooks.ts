/**
 * Adds which transaction wrote a change of a message or an entry of an account's history, and which transactions had ended when
 * a webhook was subscribed: clocks do not say what was committed afterwards. What was written before has none, and goes by its
 * time. An older daemon may run beside it.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

// The default is set afterwards: at once it would be written into each row that is there.
const STATEMENTS = ['message_changes', 'session_events'].flatMap((table) => [
  `alter table ${table} add column xid xid8`,
  `alter table ${table} alter column xid set default pg_current_xact_id()`,
]);
STATEMENTS.push(
  'alter table webhooks add column owed_after pg_snapshot',
  'alter table webhooks alter column owed_after set default pg_current_snapshot()',
);
