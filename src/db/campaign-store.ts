import { type Selectable, sql } from 'kysely';
import type { AccountId, CampaignId } from '../accounts/ids.ts';
import { AppError } from '../lib/errors.ts';
import type { Campaign, CampaignStatus } from '../messages/campaign.ts';
import type { SendRequest } from '../messages/send-request.ts';
import { appendChanges, type MessageChange } from './change-log.ts';
import type { Executor } from './database.ts';
import { instantText, type Page, type PageRequest, rowsToPage } from './keyset.ts';
import { cancelWaiting } from './message-cancel.ts';
import { recordset } from './recordset.ts';
import type { CampaignTable } from './schema.ts';
import { lockLimits } from './slot-store.ts';
import { toStorable } from './storable-text.ts';
import { transact } from './transaction.ts';

export interface NewCampaign {
  readonly id: CampaignId;
  readonly accountId: AccountId;
  readonly name: string;
  readonly requests: readonly SendRequest[];
}

/**
 * Writes a campaign that runs, with its items in their order; in a transaction.
 * @throws AppError ACCOUNT_NOT_FOUND if the account was deleted
 */
export async function insertCampaign(trx: Executor, campaign: NewCampaign): Promise<void> {
  const { id, accountId, name, requests } = campaign;
  const account = await trx
    .selectFrom('accounts')
    .select('id')
    .where('id', '=', accountId)
    .where('deleted_at', 'is', null)
    .forShare()
    .executeTakeFirst();
  if (account === undefined) throw new AppError('ACCOUNT_NOT_FOUND');
  await trx
    .insertInto('campaigns')
    .values({
      id,
      account_id: accountId,
      name: toStorable(name),
      status: 'running' satisfies CampaignStatus,
      total: requests.length,
    })
    .execute();
  const items = requests.map((request, n) => ({
    n,
    recipient: request.to,
    request: JSON.stringify(request),
  }));
  await sql`
    insert into campaign_items (campaign_id, account_id, n, recipient, request)
    select ${id}::uuid, ${accountId}::uuid, r.n, r.recipient, r.request
    from ${recordset(items, { n: 'integer', recipient: 'text', request: 'text' })}`.execute(trx);
}

/** The campaign, of whatever tenant; undefined once its account was deleted. Not for answering users. */
export async function findCampaign(db: Executor, id: CampaignId): Promise<Campaign | undefined> {
  const row = await db.selectFrom('campaigns').selectAll().where('id', '=', id).executeTakeFirst();
  return row && rowToCampaign(row);
}

/** The account's campaigns, newest first. */
export async function listCampaigns(
  db: Executor,
  accountId: AccountId,
  { limit, after }: PageRequest,
): Promise<Page<Campaign>> {
  const rows = await db
    .selectFrom('campaigns')
    .selectAll()
    .select(instantText('created_at').as('position_at'))
    .where('account_id', '=', accountId)
    .$if(after !== null, (query) =>
      query.where(sql<boolean>`(created_at, id) < (${after?.at}::timestamptz, ${after?.tie}::uuid)`),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  return rowsToPage(rows, limit, {
    item: rowToCampaign,
    position: (row) => ({ at: row.position_at, tie: row.id }),
  });
}

/** Pauses a campaign that runs, or lets a paused one run: from the commit on. False if it has ended; repeating it is fine. */
export async function saveCampaignRunning(
  db: Executor,
  id: CampaignId,
  isRunning: boolean,
): Promise<boolean> {
  const status: CampaignStatus = isRunning ? 'running' : 'paused';
  const { numUpdatedRows } = await db
    .updateTable('campaigns')
    .set({ status })
    .where('id', '=', id)
    .where('status', 'in', ['running', 'paused'] satisfies CampaignStatus[])
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/**
 * Cancels a campaign with those of its messages that wait to be handed over, all or nothing. False if there is nothing left
 * of it to cancel; repeating it is fine.
 */
export async function cancelCampaign(
  db: Executor,
  { id, accountId }: Pick<Campaign, 'id' | 'accountId'>,
  at: Date,
): Promise<boolean> {
  return transact(db, async (trx) => {
    const campaign = await trx
      .selectFrom('campaigns')
      .select('status')
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirst();
    if (campaign === undefined) return false;
    await lockLimits(trx, accountId);
    const { rows } = await sql<{ message_id: string }>`
      select i.message_id from campaign_items i
      where i.campaign_id = ${id}::uuid and i.state = 'accepted'`.execute(trx);
    const changes: MessageChange[] = [];
    const ids = rows.map(({ message_id }) => message_id);
    const cancelled = await cancelWaiting(trx, accountId, { ids, at }, changes);
    await appendChanges(trx, accountId, changes);
    const isCancelled = campaign.status === ('cancelled' satisfies CampaignStatus);
    if (campaign.status === ('completed' satisfies CampaignStatus) && cancelled === 0) return false;
    if (!isCancelled)
      await trx
        .updateTable('campaigns')
        .set({ status: 'cancelled' satisfies CampaignStatus, ended_at: at })
        .where('id', '=', id)
        .execute();
    return true;
  });
}

/**
 * Deletes campaigns that have ended and are older than their tenant keeps messages at the instant `now`, at most `limit`.
 * Returns how many.
 */
export async function deleteExpiredCampaigns(db: Executor, now: Date, limit: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with expired as (
      select c.id from campaigns c
      join accounts a on a.id = c.account_id
      join tenant_settings s on s.tenant_id = a.tenant_id
      where c.ended_at is not null and c.created_at < ${now}::timestamptz - s.retention_days * interval '1 day'
      limit ${limit} for update of c skip locked
    ), items as (
      delete from campaign_items i using expired e where i.campaign_id = e.id
    ), gone as (
      delete from campaigns c using expired e where c.id = e.id returning 1
    )
    select count(*)::integer as count from gone`.execute(db);
  return rows[0]?.count ?? 0;
}

function rowToCampaign(row: Selectable<CampaignTable>): Campaign {
  return {
    id: row.id as CampaignId,
    accountId: row.account_id as AccountId,
    name: row.name,
    status: row.status as CampaignStatus,
    total: row.total,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  };
}
