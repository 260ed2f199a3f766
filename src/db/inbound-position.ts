import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { Executor } from './database.ts';

/** A position of a run that is over is of no use once nothing of the run can be left in the queue. */
const KEPT = '30 days';

/** The number of the job of this run that is to be stored next. */
export async function findInboundPosition(db: Executor, accountId: AccountId, run: string): Promise<number> {
  const row = await db
    .selectFrom('inbound_positions')
    .select('next')
    .where('account_id', '=', accountId)
    .where('run', '=', run)
    .executeTakeFirst();
  return Number(row?.next ?? 0);
}

/**
 * Moves the position behind job `n`, in the transaction that stores it; false if it is there already, or the account was
 * purged. Ask with the lock of the account's ingest held.
 */
export async function advancePosition(
  trx: Executor,
  accountId: AccountId,
  { run, n }: { readonly run: string; readonly n: number },
): Promise<boolean> {
  const { rows } = await sql`
    insert into inbound_positions as old (account_id, run, next)
    select id, ${run}, ${n + 1}::bigint from accounts where id = ${accountId}::uuid
    on conflict (account_id, run) do update set next = excluded.next, updated_at = now()
    where old.next < excluded.next
    returning next`.execute(trx);
  return rows.length > 0;
}

/** Deletes positions of runs that are long over. Returns how many. */
export async function deleteOldInboundPositions(db: Executor): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('inbound_positions')
    .where('updated_at', '<', sql<Date>`now() - ${KEPT}::interval`)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
