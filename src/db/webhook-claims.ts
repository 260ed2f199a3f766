/**
 * Claiming what webhooks are owed. Whoever claims a lane has it to itself until it says how its first delivery ended, or until the
 * claim is over: whoever was killed has tried it for nothing, and it is tried again under the same event id. All instants are
 * those of the caller's clock.
 */
import { sql } from 'kysely';
import type { Executor } from './database.ts';
import { transact } from './transaction.ts';
import { type ClaimedDelivery, headsOf, isFree, settleLane } from './webhook-lanes.ts';
import { rowToWebhook, type Webhook } from './webhook-store.ts';

/**
 * Enabled webhooks of which something can be claimed: something that is due, or of an endpoint whose rest is over anything, since
 * that tries whether it is back.
 */
export async function listReady(db: Executor, now: Date): Promise<readonly Webhook[]> {
  const rows = await db
    .selectFrom('webhooks')
    .selectAll()
    .where('status', '=', 'enabled')
    .where(({ or, eb }) => or([eb('rests_until', 'is', null), eb('rests_until', '<=', now)]))
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('webhook_lanes')
          .select('lane')
          .whereRef('webhook_id', '=', 'webhooks.id')
          .where((lane) => lane.or([lane('due_at', '<=', now), lane('webhooks.rests_until', 'is not', null)]))
          .where(isFree(now)),
      ),
    )
    .execute();
  return rows.map(rowToWebhook);
}

/** When there will be more to claim: a lane will be due, a claim or the rest of an endpoint over. Undefined if there is no such time. */
export async function findNextDue(db: Executor, now: Date): Promise<Date | undefined> {
  const { rows } = await sql<{ at: Date | null }>`
    select min(l.at) as at
    from webhooks w cross join lateral (
      select least(
        case when w.rests_until is null then
          (select min(due_at) from webhook_lanes where webhook_id = w.id and due_at > ${now})
        end,
        (select min(claimed_until) from webhook_lanes where webhook_id = w.id and claimed_until > ${now}),
        case when w.rests_until > ${now} and exists (select from webhook_lanes where webhook_id = w.id)
          then w.rests_until
        end
      ) as at
    ) l
    where w.status = 'enabled'`.execute(db);
  return rows[0]?.at ?? undefined;
}

export interface ClaimOptions {
  readonly webhookId: string;
  readonly by: string;
  readonly limit: number;
  readonly now: Date;
  readonly until: Date;
}

/** Claims lanes that are due, longest first, and begins a try of the first delivery of each. */
export function claimDeliveries(db: Executor, options: ClaimOptions): Promise<readonly ClaimedDelivery[]> {
  return transact(db, (trx) => claimLanes(trx, options, { dueBy: options.now }));
}

/**
 * Claims what would be due first of an endpoint whose rest is over, to try whether it is back, and with it the right to that: of
 * all who ask one gets it. It ends with the claim.
 */
export function claimProbe(db: Executor, options: ClaimOptions): Promise<readonly ClaimedDelivery[]> {
  const { webhookId, now, until } = options;
  return transact(db, async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('webhooks')
      .set({ rests_until: until })
      .where('id', '=', webhookId)
      .where('status', '=', 'enabled')
      .where('rests_until', '<=', now)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows === 0n) return [];
    const claimed = await claimLanes(trx, { ...options, limit: 1 }, { dueBy: null });
    if (claimed.length === 0)
      await trx.updateTable('webhooks').set({ rests_until: now }).where('id', '=', webhookId).execute();
    return claimed;
  });
}

/** With `dueBy` only lanes that are due by then. */
async function claimLanes(
  trx: Executor,
  { webhookId, by, limit, now, until }: ClaimOptions,
  { dueBy }: { readonly dueBy: Date | null },
): Promise<readonly ClaimedDelivery[]> {
  const isDue = dueBy === null ? sql`true` : sql`due_at <= ${dueBy}`;
  const { rows: lanes } = await sql<{ lane: string }>`
    update webhook_lanes l set claimed_until = ${until}, claimed_by = ${by}
    from (
      select lane from webhook_lanes
      where webhook_id = ${webhookId} and ${isDue} and ${isFree(now)}
      order by due_at limit ${limit} for update skip locked
    ) due
    where l.webhook_id = ${webhookId} and l.lane = due.lane
    returning l.lane`.execute(trx);
  if (lanes.length === 0) return [];
  const names = lanes.map(({ lane }) => lane);
  const { rows } = await sql<Omit<ClaimedDelivery, 'claimedUntil'>>`
    update webhook_deliveries d
    set attempts = attempts + 1, first_tried_at = coalesce(first_tried_at, ${now}), last_tried_at = ${now}
    from (${headsOf(webhookId, names)}) heads
    where d.id = heads.id
    returning d.id::text, event_id as "eventId", type, lane, payload, attempts, first_tried_at as "firstTriedAt"`.execute(
    trx,
  );
  const found = new Set(rows.map(({ lane }) => lane));
  for (const lane of names) if (!found.has(lane)) await settleLane(trx, webhookId, lane);
  return rows.map((row) => ({ ...row, claimedUntil: until }));
}
