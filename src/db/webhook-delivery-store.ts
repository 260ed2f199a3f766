import { type Selectable, sql } from 'kysely';
import type { DeliveryType } from '../webhooks/event-types.ts';
import { type Portion, workInBatches } from './batches.ts';
import type { Executor } from './database.ts';
import { instantText, type Page, type PageRequest, rowsToPage } from './keyset.ts';
import type { WebhookDeliveryTable } from './schema.ts';
import { transact } from './transaction.ts';
import { openLanes } from './webhook-outbox.ts';

export const DELIVERY_STATUSES = ['pending', 'delivered', 'dead'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** What a webhook is or was owed, as the API shows it. */
export interface Delivery {
  readonly id: string;
  readonly eventId: string;
  readonly type: DeliveryType;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  readonly createdAt: Date;
  readonly lastTriedAt: Date | null;
  readonly nextTryAt: Date;
  readonly lastStatus: number | null;
  readonly lastError: string | null;
  readonly endedAt: Date | null;
}

/** Newest first. */
export async function listDeliveries(
  db: Executor,
  { webhookId, status }: { readonly webhookId: string; readonly status?: DeliveryStatus | undefined },
  { limit, after }: PageRequest,
): Promise<Page<Delivery>> {
  let query = db
    .selectFrom('webhook_deliveries')
    .select(SHOWN)
    .select(instantText('created_at').as('position_at'))
    .where('webhook_id', '=', webhookId);
  if (status !== undefined) query = query.where('status', '=', status);
  if (after !== null)
    query = query.where(sql<boolean>`(created_at, id) < (${after.at}::timestamptz, ${after.tie}::bigint)`);
  const rows = await query
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  return rowsToPage(rows, limit, {
    item: rowToDelivery,
    position: (row) => ({ at: row.position_at, tie: row.id }),
  });
}

const SHOWN = [
  'id',
  'event_id',
  'type',
  'status',
  'attempts',
  'created_at',
  'last_tried_at',
  'next_try_at',
  'last_status',
  'last_error',
  'ended_at',
] as const satisfies readonly (keyof WebhookDeliveryTable)[];

/** Sends a delivery again, at once and before what waits behind it; one that waits is tried at once. */
export function redeliverOne(
  db: Executor,
  { webhookId, id, now }: { readonly webhookId: string; readonly id: string; readonly now: Date },
): Promise<Delivery | undefined> {
  return transact(db, async (trx) => {
    const found = await trx
      .selectFrom('webhook_deliveries')
      .select('lane')
      .where('id', '=', id)
      .where('webhook_id', '=', webhookId)
      .executeTakeFirst();
    if (found === undefined) return undefined;
    await openLanes(trx, [{ webhook_id: webhookId, lane: found.lane }], now, { isDue: true });
    const row = await trx
      .updateTable('webhook_deliveries')
      .set({ ...BEGIN, next_try_at: now })
      .where('id', '=', id)
      .returning(SHOWN)
      .executeTakeFirst();
    return row && rowToDelivery(row);
  });
}

/** As if it had never been tried. */
const BEGIN = { status: 'pending', attempts: 0, first_tried_at: null, ended_at: null } as const;

/** Dead letters that are taken up in one transaction. */
const TAKEN_UP = 1_000;

/** Sends the dead letters of events of a time again, `from` inclusive, `to` exclusive. Returns how many those are. */
export function redeliverDead(
  db: Executor,
  range: { readonly webhookId: string; readonly from: Date; readonly to: Date; readonly now: Date },
): Promise<number> {
  const { webhookId, from, to, now } = range;
  const portion = { rows: TAKEN_UP, transactions: Number.POSITIVE_INFINITY };
  return workInBatches(portion, (limit) =>
    transact(db, async (trx) => {
      const rows = await trx
        .selectFrom('webhook_deliveries')
        .select(['id', 'lane'])
        .where('webhook_id', '=', webhookId)
        .where('status', '=', 'dead')
        // Not those again that end meanwhile, as all do of a webhook that is disabled.
        .where('ended_at', '<=', now)
        .where('created_at', '>=', from)
        .where('created_at', '<', to)
        .orderBy('created_at')
        .orderBy('id')
        .limit(limit)
        .execute();
      if (rows.length === 0) return 0;
      const lanes = rows.map(({ lane }) => ({ webhook_id: webhookId, lane }));
      await openLanes(trx, lanes, now, { isDue: true });
      const ids = rows.map(({ id }) => id);
      await sql`
        update webhook_deliveries
        set status = 'pending', attempts = 0, first_tried_at = null, ended_at = null, next_try_at = ${now}
        where id = any(${ids}::bigint[]) and status = 'dead'`.execute(trx);
      return rows.length;
    }),
  );
}

const PORTION: Portion = { rows: 1_000, transactions: 100 };

/**
 * Deletes what was delivered more than a week ago, and what was not within 30 days; and both sooner where the tenant keeps
 * its messages for fewer days than that. Returns how many.
 */
export async function deleteOldDeliveries(db: Executor, now: Date): Promise<number> {
  const delivered = await deleteEnded(db, now, { status: 'delivered', days: 7 });
  const dead = await deleteEnded(db, now, { status: 'dead', days: 30 });
  const limited = await workInBatches(PORTION, async (limit) => {
    const { numAffectedRows } = await sql`
      delete from webhook_deliveries where id in (
        select d.id from tenant_settings s
        join webhooks w on w.tenant_id = s.tenant_id
        join webhook_deliveries d on d.webhook_id = w.id
        where s.retention_days < 30 and d.status <> 'pending'
          and d.created_at < ${now}::timestamptz - s.retention_days * interval '1 day'
        limit ${limit} for update of d skip locked
      )`.execute(db);
    return Number(numAffectedRows ?? 0);
  });
  return delivered + dead + limited;
}

function deleteEnded(
  db: Executor,
  now: Date,
  { status, days }: { readonly status: 'delivered' | 'dead'; readonly days: number },
): Promise<number> {
  return workInBatches(PORTION, async (limit) => {
    const { numAffectedRows } = await sql`
      delete from webhook_deliveries where id in (
        select id from webhook_deliveries
        where status = ${status} and ended_at is not null
          and ended_at < ${now}::timestamptz - ${days}::integer * interval '1 day'
        limit ${limit} for update skip locked
      )`.execute(db);
    return Number(numAffectedRows ?? 0);
  });
}

function rowToDelivery(row: Pick<Selectable<WebhookDeliveryTable>, (typeof SHOWN)[number]>): Delivery {
  return {
    id: row.id,
    eventId: row.event_id,
    type: row.type as DeliveryType,
    status: row.status as DeliveryStatus,
    attempts: row.attempts,
    createdAt: row.created_at,
    lastTriedAt: row.last_tried_at,
    nextTryAt: row.next_try_at,
    lastStatus: row.last_status,
    lastError: row.last_error,
    endedAt: row.ended_at,
  };
}
