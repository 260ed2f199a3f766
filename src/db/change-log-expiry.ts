import { sql } from 'kysely';
import { type Portion, workInBatches } from './batches.ts';
import type { Executor } from './database.ts';

/** Whoever reads the log has fallen behind for good after so long; a chat's numbers go on as if nothing were missing. */
const KEPT = '30 days';

const PORTION: Portion = { rows: 5_000, transactions: 100 };

/**
 * Deletes changes of messages that are of no use any more. Returns how many. Their numbers stand in for their age, in whose
 * order they are but for those that were written at the same time: each portion looks at the lowest.
 */
export function deleteOldChanges(db: Executor): Promise<number> {
  return workInBatches(PORTION, async (limit) => {
    const { numAffectedRows } = await sql`
      delete from message_changes where id in (
        select id from (select id, created_at from message_changes order by id limit ${limit}) lowest
        where created_at < now() - ${KEPT}::interval
      )`.execute(db);
    return Number(numAffectedRows ?? 0);
  });
}
