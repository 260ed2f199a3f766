/**
 * How long messages are kept: for ever, or for the days that their tenant has set, counted from the message's own time.
 *
 * A message goes with what hangs on it, in one transaction with others of its account; its key stays. A key without a row
 * tells that the message was here once, so that a catch-up, which may reach years back in a quiet chat, does not bring it
 * back. Keys go with their account alone: they hold ids and no word of what was said.
 *
 * A message that is still on its way out is kept, however old it is.
 */
import { sql } from 'kysely';
import type { AccountId, TenantId } from '../accounts/ids.ts';
import type { Direction } from '../messages/message.ts';
import { type Portion, workInBatches } from './batches.ts';
import { deleteExpiredCampaigns } from './campaign-store.ts';
import type { Executor } from './database.ts';
import { deleteMessages } from './message-removal.ts';
import { UNKNOWN_KEPT_MS } from './outbox-store.ts';
import { transact } from './transaction.ts';

const DAY_MS = 86_400_000;

const PORTION: Portion = { rows: 1_000, transactions: 50 };
/** Campaigns of one transaction, with up to 1,000 items each. */
const CAMPAIGNS = 10;

/** Days for which the tenant's messages are kept; null is for ever. */
export async function findRetention(db: Executor, tenantId: TenantId): Promise<number | null> {
  const row = await db
    .selectFrom('tenant_settings')
    .select('retention_days')
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst();
  return row?.retention_days ?? null;
}

export async function saveRetention(db: Executor, tenantId: TenantId, days: number | null): Promise<void> {
  await db
    .insertInto('tenant_settings')
    .values({ tenant_id: tenantId, retention_days: days })
    .onConflict((conflict) =>
      conflict.column('tenant_id').doUpdateSet({ retention_days: days, updated_at: sql<Date>`now()` }),
    )
    .execute();
}

/**
 * Deletes messages, uploads, and campaigns that have ended, that are older than their tenant keeps them at the instant `now`. Returns how many messages
 * those were. Daemons may do it at the same time.
 */
export async function deleteExpiredMessages(
  db: Executor,
  now: Date,
  portion: Portion = PORTION,
): Promise<number> {
  const { rows, transactions } = portion;
  await deleteExpiredUploads(db, now, portion);
  await workInBatches({ ...portion, rows: CAMPAIGNS }, (limit) => deleteExpiredCampaigns(db, now, limit));
  let deleted = 0;
  let left = transactions;
  for (const { id, keptDays } of await listLimitedAccounts(db)) {
    const before = new Date(now.getTime() - keptDays * DAY_MS);
    for (const direction of ['incoming', 'outgoing'] as const) {
      let full = true;
      while (full && left > 0) {
        const count = await deleteBatch(db, { accountId: id, direction, before, now, limit: rows });
        deleted += count;
        // An account that has nothing to delete must not use up what others need.
        left -= count > 0 ? 1 : 0;
        full = count === rows;
      }
    }
  }
  return deleted;
}

/**
 * For how many days the tenant keeps messages that keeps them longest; null is for ever. Tenants without an account have
 * none to keep.
 */
export async function findLongestRetention(db: Executor): Promise<number | null> {
  const { rows } = await sql<{ longest: number | null }>`
    select case when bool_or(s.retention_days is null) then null else max(s.retention_days) end as longest
    from (select distinct tenant_id from accounts) a
    left join tenant_settings s on s.tenant_id = a.tenant_id`.execute(db);
  return rows[0]?.longest ?? null;
}

/** Deleted accounts too: their messages were kept. */
async function listLimitedAccounts(
  db: Executor,
): Promise<readonly { readonly id: AccountId; readonly keptDays: number }[]> {
  const rows = await db
    .selectFrom('accounts')
    .innerJoin('tenant_settings', 'tenant_settings.tenant_id', 'accounts.tenant_id')
    .select(['accounts.id', 'retention_days'])
    .where('retention_days', 'is not', null)
    .orderBy('accounts.id')
    .execute();
  return rows.flatMap(({ id, retention_days: keptDays }) =>
    keptDays === null ? [] : [{ id: id as AccountId, keptDays }],
  );
}

interface Batch {
  readonly accountId: AccountId;
  readonly direction: Direction;
  readonly before: Date;
  readonly now: Date;
  readonly limit: number;
}

/** Those that somebody is writing to are left for the next time. Returns how many were deleted. */
async function deleteBatch(
  db: Executor,
  { accountId, direction, before, now, limit }: Batch,
): Promise<number> {
  const lookedUpSince = new Date(now.getTime() - UNKNOWN_KEPT_MS);
  return transact(db, async (trx) => {
    const rows = await trx
      .selectFrom('messages')
      .select('id')
      .where('account_id', '=', accountId)
      .where('direction', '=', direction)
      .where('timestamp', '<', before)
      .where(sql<boolean>`(direction = 'incoming' or status not in ('pending', 'deferred', 'unknown')
        or status = 'unknown' and handed_at < ${lookedUpSince})`)
      .orderBy('timestamp')
      .orderBy('seq')
      .limit(limit)
      .forUpdate()
      .skipLocked()
      .execute();
    const ids = rows.map(({ id }) => id);
    await deleteMessages(trx, ids);
    return ids.length;
  });
}

async function deleteExpiredUploads(db: Executor, now: Date, portion: Portion): Promise<void> {
  await workInBatches(portion, async (limit) => {
    const { numAffectedRows } = await sql`
      delete from media_uploads where id in (
        select u.id from media_uploads u
        join accounts a on a.id = u.account_id
        join tenant_settings s on s.tenant_id = a.tenant_id
        where u.created_at < ${now}::timestamptz - s.retention_days * interval '1 day'
        limit ${limit} for update of u skip locked
      )`.execute(db);
    return Number(numAffectedRows ?? 0);
  });
}
