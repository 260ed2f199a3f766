import { sql } from 'kysely';
import type { CampaignId, MessageId } from '../accounts/ids.ts';
import type { Campaign, CampaignItem, ItemCounts, ItemStatus } from '../messages/campaign.ts';
import type { Executor } from './database.ts';
import { instantText, type Page, type PageRequest, rowsToPage } from './keyset.ts';

/** The items of a campaign with their messages, and where each is; `c` is the campaign. Each message is looked up by its id. */
const itemsWithMessages = sql`
  campaigns c
  join campaign_items i on i.campaign_id = c.id
  left join lateral (
    select status, failed_code, failed_reason from messages
    where id = i.message_id and "timestamp" = i.accepted_at
    -- Keeps it from becoming a join with all messages of all accounts.
    limit 1
  ) m on i.message_id is not null`;

const itemStatus = sql<ItemStatus>`(case
  when i.state = 'waiting' and c.status = 'cancelled' then 'cancelled'
  when i.state <> 'accepted' then i.state
  else coalesce(m.status, 'deleted') end)`;

/** How many items of a campaign are where, and how many have become messages. */
export async function countItems(
  db: Executor,
  id: CampaignId,
): Promise<{ readonly counts: ItemCounts; readonly accepted: number }> {
  const { rows } = await sql<{ status: ItemStatus; count: number; accepted: number }>`
    select ${itemStatus} as status, count(*)::integer as count, count(i.message_id)::integer as accepted
    from ${itemsWithMessages} where c.id = ${id}::uuid group by 1`.execute(db);
  return {
    counts: Object.fromEntries(rows.map(({ status, count }) => [status, count])),
    accepted: rows.reduce((sum, { accepted }) => sum + accepted, 0),
  };
}

interface ItemRow {
  readonly n: number;
  readonly recipient: string;
  readonly status: ItemStatus;
  readonly message_id: string | null;
  readonly code: string | null;
  readonly reason: string | null;
  readonly position_at: string;
}

/** The items of a campaign in their order. */
export async function listItems(
  db: Executor,
  { id }: Pick<Campaign, 'id'>,
  { limit, after }: PageRequest,
): Promise<Page<CampaignItem>> {
  const { rows } = await sql<ItemRow>`
    select i.n, i.recipient, ${itemStatus} as status, i.message_id,
      coalesce(i.failed_code, m.failed_code) as code, coalesce(i.failed_reason, m.failed_reason) as reason,
      ${instantText('c.created_at')} as position_at
    from ${itemsWithMessages}
    where c.id = ${id}::uuid and i.n > ${after?.tie ?? -1}::bigint
    order by i.n limit ${limit + 1}`.execute(db);
  return rowsToPage(rows, limit, {
    item: ({ n, recipient, status, message_id, code, reason }) => ({
      index: n,
      to: recipient,
      status,
      messageId: message_id as MessageId | null,
      failure: code === null ? null : { code, reason: reason ?? code },
    }),
    position: ({ n, position_at }) => ({ at: position_at, tie: String(n) }),
  });
}
