import { sql } from 'kysely';
import type { Executor } from './database.ts';
import { instantText } from './keyset.ts';
import { transact } from './transaction.ts';
import { headsOf, isFree, settleLane } from './webhook-lanes.ts';
import { DISABLED } from './webhook-outbox.ts';

/** Lanes that are made due at a time once an endpoint is back. */
const PULLED = 1_000;
/** Lanes whose deliveries are ended at a time when their webhook was disabled. */
const DRAINED = 500;

/**
 * An endpoint that is back is sent all that waits, whatever pause it waits for: makes some lanes of one due that are not. True if
 * there may be more.
 */
export async function pullForward(db: Executor, now: Date): Promise<boolean> {
  const back = await db
    .selectFrom('webhooks')
    .select(['id', instantText('back_at').as('back_at')])
    .where('back_at', 'is not', null)
    .orderBy('webhooks.back_at')
    .limit(1)
    .executeTakeFirst();
  if (back === undefined) return false;
  if ((await pullSome(db, back.id, now)) < PULLED) {
    await db
      .updateTable('webhooks')
      .set({ back_at: null })
      .where('id', '=', back.id)
      // It may have gone and come back once more.
      .where(sql<boolean>`back_at = ${back.back_at}::timestamptz`)
      .execute();
  }
  return true;
}

/** Returns how many lanes it made due. */
function pullSome(db: Executor, webhookId: string, now: Date): Promise<number> {
  return transact(db, async (trx) => {
    // Locked in the order in which others lock them.
    const { rows } = await sql<{ lane: string }>`
      select lane from webhook_lanes
      where webhook_id = ${webhookId} and due_at > ${now} and lane in (
        select lane from webhook_lanes where webhook_id = ${webhookId} and due_at > ${now} order by due_at limit ${PULLED}
      )
      order by lane for update`.execute(trx);
    const lanes = rows.map(({ lane }) => lane);
    await sql`
      update webhook_deliveries d set next_try_at = ${now} from (${headsOf(webhookId, lanes)}) heads
      where d.id = heads.id and d.next_try_at > ${now}`.execute(trx);
    await sql`
      update webhook_lanes set due_at = ${now}
      where webhook_id = ${webhookId} and lane = any(${lanes}::text[])`.execute(trx);
    return lanes.length;
  });
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
