import { sql } from 'kysely';
import { deleteInBatches, type Portion } from './batches.ts';
import type { Executor } from './database.ts';

/** Whoever reads the log has fallen behind for good after so long; a chat's numbers go on as if nothing were missing. */
const KEPT = '30 days';

const PORTION: Portion = { rows: 5_000, transactions: 100 };

/** Deletes changes of messages that are of no use any more. Returns how many. */
export function deleteOldChanges(db: Executor): Promise<number> {
  return deleteInBatches(PORTION, async (limit) => {
    const { numAffectedRows } = await sql`
      delete from message_changes where id in (
        select id from message_changes where created_at < now() - ${KEPT}::interval
        order by created_at limit ${limit} for update skip locked
      )`.execute(db);
    return Number(numAffectedRows ?? 0);
  });
}
