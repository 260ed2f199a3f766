import { sql } from 'kysely';
import type { Executor } from './database.ts';

/** Whoever reads the log has fallen behind for good after so long; a chat's numbers go on as if nothing were missing. */
const KEPT = '30 days';

/** Rows of one transaction, and transactions of one call. */
const ROWS = 5_000;
const TRANSACTIONS = 100;

/** Deletes changes of messages that are of no use any more. Returns how many. */
export async function deleteOldChanges(db: Executor): Promise<number> {
  let deleted = 0;
  for (let transaction = 0; transaction < TRANSACTIONS; transaction += 1) {
    const { numAffectedRows } = await sql`
      delete from message_changes where id in (
        select id from message_changes where created_at < now() - ${KEPT}::interval
        order by created_at limit ${ROWS} for update skip locked
      )`.execute(db);
    deleted += Number(numAffectedRows ?? 0);
    if (Number(numAffectedRows ?? 0) < ROWS) break;
  }
  return deleted;
}
