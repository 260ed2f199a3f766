import { sql } from 'kysely';
import type { TenantId } from '../accounts/ids.ts';
import { workInBatches } from './batches.ts';
import type { Executor } from './database.ts';
import { transact } from './transaction.ts';

/** Rows of one transaction. */
const ROWS = 1_000;

interface RemovalOptions {
  readonly rows?: number;
  readonly alongside?: (trx: Executor) => Promise<void>;
}

/**
 * Deletes the webhook with all that it is owed: that in transactions of a bounded size, the rest and the webhook itself in the
 * last. It is disabled from the first on, in which `alongside` is done. What is cut off goes on when it is asked for again. True
 * if there was one.
 */
export async function deleteWebhook(
  db: Executor,
  tenantId: TenantId,
  id: string,
  { rows = ROWS, alongside }: RemovalOptions = {},
): Promise<boolean> {
  const isThere = await transact(db, async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('webhooks')
      .set({ status: 'disabled' })
      .where('id', '=', id)
      .where('tenant_id', '=', tenantId)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows === 0n) return false;
    await alongside?.(trx);
    return true;
  });
  if (!isThere) return false;
  const portion = { rows, transactions: Number.POSITIVE_INFINITY };
  // Deliveries first: none that is pending is ever without its lane.
  for (const table of ['webhook_deliveries', 'webhook_lanes'] as const)
    await workInBatches(portion, (limit) => deleteSome(db, table, id, limit));
  return transact(db, async (trx) => {
    // Whoever ends a try locks its lane before the webhook.
    const lanes = trx.selectFrom('webhook_lanes').select('lane').where('webhook_id', '=', id);
    await lanes.orderBy('lane').forUpdate().execute();
    const { numDeletedRows } = await trx
      .deleteFrom('webhooks')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    return numDeletedRows > 0n;
  });
}

/** Those that somebody is writing to are left. Returns how many were deleted. */
async function deleteSome(
  db: Executor,
  table: 'webhook_deliveries' | 'webhook_lanes',
  id: string,
  limit: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from ${sql.table(table)} where ctid = any(array(
      select ctid from ${sql.table(table)} where webhook_id = ${id} limit ${limit} for update skip locked
    ))`.execute(db);
  return Number(numAffectedRows ?? 0);
}
