import { sql } from 'kysely';
import type { Executor } from './database.ts';
import { isOneOfMessages } from './message-lookup.ts';

/** What hangs on a message, by its `message_id`. */
const HANGING = ['message_reactions', 'poll_votes', 'message_edits'] as const;

/** Deletes messages with what hangs on them; their keys and the changes that they went through stay. */
export async function deleteMessages(trx: Executor, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  for (const table of HANGING)
    await sql`delete from ${sql.table(table)} where message_id = any(${ids}::uuid[])`.execute(trx);
  await trx.deleteFrom('messages').where(isOneOfMessages(ids)).execute();
}
