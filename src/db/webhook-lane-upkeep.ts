import { sql } from 'kysely';
import type { Executor } from './database.ts';
import { transact } from './transaction.ts';
import { isFree, settleLane } from './webhook-lanes.ts';
import { DISABLED } from './webhook-outbox.ts';

/** Lanes whose deliveries are ended at a time when their webhook was disabled. */
const DRAINED = 500;

/** An endpoint that is back is sent all that waits, whatever pause it waits for. */
export async function pullForward(db: Executor, webhookId: string, now: Date): Promise<void> {
  await db
    .updateTable('webhook_deliveries')
    .set({ next_try_at: now })
    .where('webhook_id', '=', webhookId)
    .where('status', '=', 'pending')
    .where('next_try_at', '>', now)
    .execute();
  await db
    .updateTable('webhook_lanes')
    .set({ due_at: now })
    .where('webhook_id', '=', webhookId)
    .where('due_at', '>', now)
    .execute();
}

/** Frees what an earlier run of this instance had claimed when it was killed. */
export async function releaseClaims(db: Executor, by: string): Promise<void> {
  await db
    .updateTable('webhook_lanes')
    .set({ claimed_until: null, claimed_by: null })
    .where('claimed_by', '=', by)
    .execute();
}

/** Makes dead letters of what webhooks that are disabled have pending, some lanes at a time. True if there may be more. */
export async function drainDisabled(db: Executor, now: Date): Promise<boolean> {
  const { rows: seen } = await sql<{ exist: boolean }>`
    select exists (
      select from webhooks w
      cross join lateral (select from webhook_lanes where webhook_id = w.id limit 1) l
      where w.status <> 'enabled'
    ) as exist`.execute(db);
  return seen[0]?.exist === true && drainSome(db, now);
}

function drainSome(db: Executor, now: Date): Promise<boolean> {
  return transact(db, async (trx) => {
    const { rows } = await sql<{ webhook_id: string; lane: string }>`
      select webhook_id, lane from webhook_lanes
      where webhook_id = any(array(select id from webhooks where status <> 'enabled')) and ${isFree(now)}
      limit ${DRAINED} for update skip locked`.execute(trx);
    for (const { webhook_id, lane } of rows) {
      await sql`
        update webhook_deliveries set status = 'dead', ended_at = ${now}, last_error = coalesce(last_error, ${DISABLED})
        where webhook_id = ${webhook_id} and lane = ${lane} and status = 'pending'`.execute(trx);
      await settleLane(trx, webhook_id, lane);
    }
    return rows.length === DRAINED;
  });
}
