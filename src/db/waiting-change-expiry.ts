import { sql } from 'kysely';
import type { Executor } from './database.ts';

/** WhatsApp holds a message for an absent device for a month; a change outlives that only if its message never comes. */
const KEPT = '35 days';

/** Deletes changes whose message has not come for so long that it never will. Returns how many those were. */
export async function deleteOldWaitingChanges(db: Executor): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('waiting_changes')
    .where('created_at', '<', sql<Date>`now() - ${KEPT}::interval`)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
