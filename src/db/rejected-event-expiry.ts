import { sql } from 'kysely';
import { type Portion, workInBatches } from './batches.ts';
import type { Executor } from './database.ts';

/** Days in which a person may look at what could not be stored; fewer where the tenant keeps messages for fewer. */
const KEPT_DAYS = 90;

const PORTION: Portion = { rows: 1_000, transactions: 50 };

/** Deletes events that were set apart so long ago that nobody will look at them. Returns how many. */
export function deleteOldRejectedEvents(db: Executor, portion: Portion = PORTION): Promise<number> {
  return workInBatches(portion, async (limit) => {
    const { numAffectedRows } = await sql`
      delete from rejected_events where id in (
        select r.id from rejected_events r
        left join accounts a on a.id = r.account_id
        left join tenant_settings s on s.tenant_id = a.tenant_id
        where r.created_at < now() - least(s.retention_days, ${KEPT_DAYS}) * interval '1 day'
        order by r.id limit ${limit} for update of r skip locked
      )`.execute(db);
    return Number(numAffectedRows ?? 0);
  });
}
