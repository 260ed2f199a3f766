/** The items of campaigns that are to be accepted, and what becomes of them. */
import { sql } from 'kysely';
import type { AccountId, CampaignId, MessageId } from '../accounts/ids.ts';
import type { CampaignStatus } from '../messages/campaign.ts';
import type { SendRequest } from '../messages/send-request.ts';
import type { Executor } from './database.ts';
import { recordset } from './recordset.ts';

/** The oldest running campaign of the account, none of which is without items to accept. */
export async function findCampaignToFeed(db: Executor, accountId: AccountId): Promise<CampaignId | null> {
  const row = await db
    .selectFrom('campaigns')
    .select('id')
    .where('account_id', '=', accountId)
    .where('status', '=', 'running' satisfies CampaignStatus)
    .orderBy('created_at')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  return (row?.id ?? null) as CampaignId | null;
}

/** How many messages of the account's campaigns wait to be handed over, deferred ones too, counted up to `atMost`. */
export async function countUnhanded(db: Executor, accountId: AccountId, atMost: number): Promise<number> {
  const ofCampaign = sql`exists (select from campaign_items i where i.message_id = messages.id)`;
  const waits = sql`account_id = ${accountId}::uuid and direction = 'outgoing' and bare_id is null`;
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from (
      select from messages where ${waits} and status = 'pending' and handed_at is null and ${ofCampaign}
      union all
      select from messages where ${waits} and status = 'deferred' and ${ofCampaign}
      limit ${atMost}
    ) unhanded`.execute(db);
  return rows[0]?.count ?? 0;
}

/** An item that waits to be accepted. */
export interface WaitingItem {
  readonly n: number;
  readonly request: SendRequest;
}

/** The first items of a campaign that wait. */
export async function listWaitingItems(
  db: Executor,
  id: CampaignId,
  limit: number,
): Promise<readonly WaitingItem[]> {
  const rows = await db
    .selectFrom('campaign_items')
    .select(['n', 'request'])
    .where('campaign_id', '=', id)
    .where('state', '=', 'waiting')
    .orderBy('n')
    .limit(limit)
    .execute();
  return rows.flatMap(({ n, request }) =>
    request === null ? [] : [{ n, request: JSON.parse(request) as SendRequest }],
  );
}

/**
 * Which of the items still wait, none if the campaign does not run; until the transaction ends that stays so. Call it before
 * anything else is locked.
 */
export async function lockWaitingItems(
  trx: Executor,
  id: CampaignId,
  items: readonly number[],
): Promise<ReadonlySet<number>> {
  const campaign = await trx
    .selectFrom('campaigns')
    .select('id')
    .where('id', '=', id)
    .where('status', '=', 'running' satisfies CampaignStatus)
    .forUpdate()
    .executeTakeFirst();
  if (campaign === undefined || items.length === 0) return new Set();
  const rows = await trx
    .selectFrom('campaign_items')
    .select('n')
    .where('campaign_id', '=', id)
    .where('n', 'in', items)
    .where('state', '=', 'waiting')
    .execute();
  return new Set(rows.map(({ n }) => n));
}

/** What became of an item. */
export type FedItem =
  | { readonly n: number; readonly kind: 'accepted'; readonly messageId: MessageId; readonly at: Date }
  | { readonly n: number; readonly kind: 'rejected'; readonly code: string; readonly reason: string };

const FED_COLUMNS = {
  n: 'integer',
  state: 'text',
  message_id: 'uuid',
  accepted_at: 'timestamptz',
  failed_code: 'text',
  failed_reason: 'text',
} as const;

/**
 * Writes down what became of items, in the transaction that did it, with the campaign locked; and that the campaign is
 * completed, if none is left. True if it is. What was accepted stands in its message alone from now on.
 */
export async function saveFedItems(
  trx: Executor,
  id: CampaignId,
  { items, at }: { readonly items: readonly FedItem[]; readonly at: Date },
): Promise<boolean> {
  const rows = items.map((item) => {
    const { n, kind: state } = item;
    return item.kind === 'accepted'
      ? { n, state, message_id: item.messageId, accepted_at: item.at }
      : { n, state, failed_code: item.code, failed_reason: item.reason };
  });
  if (rows.length > 0)
    await sql`
      update campaign_items i set state = r.state, message_id = r.message_id, accepted_at = r.accepted_at,
        failed_code = r.failed_code, failed_reason = r.failed_reason, request = null
      from ${recordset(rows, FED_COLUMNS)} where i.campaign_id = ${id}::uuid and i.n = r.n`.execute(trx);
  const { numUpdatedRows } = await trx
    .updateTable('campaigns')
    .set({ status: 'completed' satisfies CampaignStatus, ended_at: at })
    .where('id', '=', id)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('campaign_items')
            .select('n')
            .where('campaign_id', '=', id)
            .where('state', '=', 'waiting'),
        ),
      ),
    )
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}
