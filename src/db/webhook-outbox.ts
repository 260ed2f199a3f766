/**
 * What webhooks are owed, by lanes: of a lane the pending deliveries are tried in their order, one at a time. Its row is there as
 * long as it has some, and whoever adds or ends one locks it: so none is left without a lane.
 */
import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { DeliveryType } from '../webhooks/event-types.ts';
import type { Executor } from './database.ts';
import { recordset } from './recordset.ts';

/** Something that a webhook is owed. */
export interface NewDelivery {
  readonly webhookId: string;
  /** The same for all webhooks, and however often it is added. */
  readonly eventId: string;
  readonly type: DeliveryType;
  readonly accountId: AccountId | null;
  readonly lane: string;
  /** The body, as it is sent. */
  readonly payload: string;
  /** True for one that is not to be tried unless somebody asks for it. */
  readonly isDead: boolean;
}

const COLUMNS = {
  webhook_id: 'uuid',
  event_id: 'text',
  type: 'text',
  account_id: 'uuid',
  lane: 'text',
  payload: 'text',
  status: 'text',
  place: 'integer',
} as const;

/** About how many characters of bodies one statement takes: a body is copied for each webhook, and long texts grow as JSON. */
const PORTION_CHARS = 4_000_000;

/** Adds what is owed, in this order, due at `now`; what was added before adds nothing. */
export async function addDeliveries(
  trx: Executor,
  deliveries: readonly NewDelivery[],
  now: Date,
): Promise<void> {
  let portion: NewDelivery[] = [];
  let chars = 0;
  for (const delivery of deliveries) {
    if (portion.length > 0 && chars + delivery.payload.length > PORTION_CHARS) {
      await addPortion(trx, portion, now);
      portion = [];
      chars = 0;
    }
    portion.push(delivery);
    chars += delivery.payload.length;
  }
  await addPortion(trx, portion, now);
}

async function addPortion(trx: Executor, deliveries: readonly NewDelivery[], now: Date): Promise<void> {
  if (deliveries.length === 0) return;
  const rows = deliveries.map((each, place) => ({
    webhook_id: each.webhookId,
    event_id: each.eventId,
    type: each.type,
    account_id: each.accountId,
    lane: each.lane,
    payload: each.payload,
    status: each.isDead ? 'dead' : 'pending',
    place,
  }));
  await openLanes(
    trx,
    rows.filter(({ status }) => status === 'pending'),
    now,
  );
  await sql`
    insert into webhook_deliveries
      (webhook_id, event_id, type, account_id, lane, payload, status, created_at, next_try_at, ended_at, last_error)
    select webhook_id, event_id, type, account_id, lane, payload, status, ${now}::timestamptz, ${now}::timestamptz,
      case status when 'dead' then ${now}::timestamptz end,
      case status when 'dead' then ${DISABLED} end
    from ${recordset(rows, COLUMNS)} order by place
    on conflict (webhook_id, event_id) do nothing`.execute(trx);
}

/** What is said of a delivery that was not tried, or not any more, because its webhook is disabled. */
export const DISABLED = 'The webhook was disabled.';

/**
 * Opens, or locks, the lanes. A lane that was there keeps its time: what is added waits behind what is there. With `isDue`
 * they are due at once.
 */
export async function openLanes(
  trx: Executor,
  lanes: readonly { readonly webhook_id: string; readonly lane: string }[],
  now: Date,
  { isDue = false } = {},
): Promise<void> {
  if (lanes.length === 0) return;
  const columns = { webhook_id: 'uuid', lane: 'text' };
  await sql`
    insert into webhook_lanes as old (webhook_id, lane, due_at)
    select distinct webhook_id, lane, ${now}::timestamptz from ${recordset(
      lanes.map(({ webhook_id, lane }) => ({ webhook_id, lane })),
      columns,
    )}
    order by webhook_id, lane
    on conflict (webhook_id, lane) do update set
      due_at = case when ${isDue} then least(old.due_at, excluded.due_at) else old.due_at end`.execute(trx);
}
