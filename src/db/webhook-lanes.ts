/** How tries of what webhooks are owed end. All instants are those of the caller's clock. */
import { sql } from 'kysely';
import type { TenantId } from '../accounts/ids.ts';
import { afterTry, type EndpointHealth, FAILURES_TO_REST, isGivenUp } from '../webhooks/endpoint-breaker.ts';
import type { DeliveryType } from '../webhooks/event-types.ts';
import type { Executor } from './database.ts';
import { transact } from './transaction.ts';
import { rowToWebhook, type Webhook } from './webhook-store.ts';

/** A delivery that is to be tried now, by whoever has it. */
export interface ClaimedDelivery {
  readonly id: string;
  readonly eventId: string;
  readonly type: DeliveryType;
  readonly lane: string;
  readonly payload: string;
  /** This try included. */
  readonly attempts: number;
  readonly firstTriedAt: Date;
  /** Names the claim beside who has it: no later one of the lane ends at the same time. */
  readonly claimedUntil: Date;
}

/** How a try ended. */
export interface DeliveryOutcome {
  readonly isTaken: boolean;
  /** What the endpoint answered; null if it did not. */
  readonly status: number | null;
  /** Null if it was taken. */
  readonly error: string | null;
}

/** What a try comes to. */
export interface TryEnd {
  readonly webhookId: string;
  readonly delivery: ClaimedDelivery;
  readonly by: string;
  readonly outcome: DeliveryOutcome;
  /** When to try again; null if it was the last try. */
  readonly nextTryAt: Date | null;
  readonly isProbe: boolean;
  /** False if nothing was sent, which says nothing of the endpoint. */
  readonly isAsked: boolean;
  readonly now: Date;
}

/** What has become of the webhook by it. */
export interface EndpointChange {
  readonly tenantId: TenantId;
  readonly before: EndpointHealth;
  readonly after: EndpointHealth;
  /** True if that made it a failed one just now. */
  readonly isGivenUp: boolean;
}

/**
 * Enters how a try ended, lets the next of the lane go, and judges the endpoint if it was asked. Undefined if it
 * was not, or the webhook is gone.
 * `onGivenUp` may write more in the same transaction.
 */
export function endTry(
  db: Executor,
  end: TryEnd,
  onGivenUp: (trx: Executor, webhook: Webhook) => Promise<void>,
): Promise<EndpointChange | undefined> {
  const { webhookId, delivery, by, outcome, nextTryAt, now } = end;
  return transact(db, async (trx) => {
    const lane = await trx
      .selectFrom('webhook_lanes')
      .select(['claimed_by', 'claimed_until'])
      .where('webhook_id', '=', webhookId)
      .where('lane', '=', delivery.lane)
      .forUpdate()
      .executeTakeFirst();
    const isOwn =
      lane?.claimed_by === by && lane.claimed_until?.getTime() === delivery.claimedUntil.getTime();
    // Whose claim was over may still say that it was taken; a failure is for the other one to find.
    if (!outcome.isTaken && !isOwn) return undefined;
    const ends = outcome.isTaken || nextTryAt === null;
    await trx
      .updateTable('webhook_deliveries')
      .set({
        status: outcome.isTaken ? 'delivered' : ends ? 'dead' : 'pending',
        last_status: outcome.status,
        last_error: outcome.error,
        ...(nextTryAt === null ? {} : { next_try_at: nextTryAt }),
        ended_at: ends ? now : null,
      })
      .where('id', '=', delivery.id)
      .where('status', '=', 'pending')
      .execute();
    // Else somebody sends the same just now, and nothing of the lane is to overtake that.
    if (isOwn || lane?.claimed_by === null) await settleLane(trx, webhookId, delivery.lane);
    return end.isAsked ? judgeEndpoint(trx, end, onGivenUp) : undefined;
  });
}

/** Frees a lane whose row is locked: for its next delivery, or it is closed. */
export async function settleLane(trx: Executor, webhookId: string, lane: string): Promise<void> {
  const next = await trx
    .selectFrom('webhook_deliveries')
    .select('next_try_at')
    .where('webhook_id', '=', webhookId)
    .where('lane', '=', lane)
    .where('status', '=', 'pending')
    // By all columns of the index of lanes: by the number alone another would be read, from its beginning.
    .orderBy('webhook_id')
    .orderBy('lane')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  if (next === undefined) {
    await trx
      .deleteFrom('webhook_lanes')
      .where('webhook_id', '=', webhookId)
      .where('lane', '=', lane)
      .execute();
    return;
  }
  await trx
    .updateTable('webhook_lanes')
    .set({ due_at: next.next_try_at, claimed_until: null, claimed_by: null })
    .where('webhook_id', '=', webhookId)
    .where('lane', '=', lane)
    .execute();
}

async function judgeEndpoint(
  trx: Executor,
  { webhookId, outcome, isProbe, now }: TryEnd,
  onGivenUp: (trx: Executor, webhook: Webhook) => Promise<void>,
): Promise<EndpointChange | undefined> {
  const query = trx.selectFrom('webhooks').selectAll().where('id', '=', webhookId);
  const seen = await query.executeTakeFirst();
  if (seen === undefined) return undefined;
  // Of an endpoint that is well there is nothing to write, and nobody to wait for.
  const isWell = outcome.isTaken && seen.failures === 0 && seen.rests_until === null;
  // Not for update: whoever adds deliveries meanwhile holds the key.
  const row = isWell ? seen : await query.forNoKeyUpdate().executeTakeFirst();
  if (row === undefined) return undefined;
  const webhook = rowToWebhook(row);
  const { health: before, tenantId } = webhook;
  const after = isWell ? before : afterTry(before, { isTaken: outcome.isTaken, isProbe }, now.getTime());
  const isOver = webhook.status === 'enabled' && isGivenUp(after, now.getTime());
  if (!isWell) {
    await trx
      .updateTable('webhooks')
      .set({
        failures: after.failures,
        failing_since: toDate(after.failingSince),
        rests_until: toDate(after.restsUntil),
        ...(isBack({ before, after }) ? { back_at: now } : {}),
        ...(isOver ? { status: 'failed', status_since: now } : {}),
      })
      .where('id', '=', webhookId)
      .execute();
  }
  if (isOver) await onGivenUp(trx, webhook);
  return { tenantId, before, after, isGivenUp: isOver };
}

/** Whether an endpoint that rested is back. */
export function isBack({ before, after }: Pick<EndpointChange, 'before' | 'after'>): boolean {
  return before.failures >= FAILURES_TO_REST && after.failures === 0;
}

/** The first deliveries of these lanes, by their ids. */
export function headsOf(webhookId: string, lanes: readonly string[]) {
  return sql`
    select head.id from unnest(${lanes}::text[]) as lanes(name) cross join lateral (
      select id from webhook_deliveries
      where webhook_id = ${webhookId} and lane = lanes.name and status = 'pending'
      order by webhook_id, lane, id limit 1
    ) head`;
}

/** That nobody has claimed the lane. */
export function isFree(now: Date) {
  return sql<boolean>`(claimed_until is null or claimed_until <= ${now})`;
}

function toDate(at: number | null): Date | null {
  return at === null ? null : new Date(at);
}
