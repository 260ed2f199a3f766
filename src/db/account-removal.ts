import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import { ACCOUNT_DELETED } from '../messages/send-outcome.ts';
import { isKept } from './account-row.ts';
import { workInBatches } from './batches.ts';
import { appendChanges, type MessageChange } from './change-log.ts';
import type { Executor } from './database.ts';
import { lockAccountIngest } from './ingest-statements.ts';
import { cancelAllWaiting } from './message-cancel.ts';
import { deleteMessages } from './message-removal.ts';
import { doubtHandedSince } from './send-result-store.ts';
import { lockLimits } from './slot-store.ts';
import { transact } from './transaction.ts';

/** What is to be done in the transaction that makes something final. */
type Alongside = (trx: Executor) => Promise<void>;

const nothing: Alongside = async () => undefined;

/**
 * Hides the account for good. Its messages stay, those that wait as cancelled and those whose outcome is open as unknown; its
 * campaigns do not, and its number may be linked elsewhere.
 */
export async function markAccountDeleted(
  db: Executor,
  id: AccountId,
  { alongside = nothing } = {},
): Promise<void> {
  await transact(db, (trx) => hideAccount(trx, id, { alongside }));
}

/** The same, within a transaction. */
export async function hideAccount(trx: Executor, id: AccountId, { alongside = nothing } = {}): Promise<void> {
  await trx
    .updateTable('accounts')
    .set({ deleted_at: new Date(), wanted: false, linked: false, qr: null, pairing_code: null })
    .where('id', '=', id)
    .execute();
  await deleteCampaigns(trx, [id]);
  await lockLimits(trx, id);
  const changes: MessageChange[] = [];
  const finding = { ...ACCOUNT_DELETED, at: new Date() };
  await doubtHandedSince(trx, id, { finding, since: new Date(0) }, changes);
  await cancelAllWaiting(trx, id, changes);
  await alongside(trx);
  await appendChanges(trx, id, changes);
}

/** For how long an account that nobody linked may rest before it is taken for abandoned. */
const ABANDONED_AFTER = '24 hours';

/**
 * Hides accounts that nobody ever linked, that nobody wants connected and that have rested for a day. Returns how
 * many. One that has messages is left alone, whatever else its row says.
 */
export async function markAbandonedAccountsDeleted(db: Executor): Promise<number> {
  return transact(db, async (trx) => {
    const rows = await trx
      .updateTable('accounts')
      .set({ deleted_at: new Date(), qr: null, pairing_code: null })
      .where('first_linked_at', 'is', null)
      .where('linked', '=', false)
      .where('wanted', '=', false)
      .where('state_since', '<', sql<Date>`now() - ${ABANDONED_AFTER}::interval`)
      .where(isKept)
      .where(({ not, exists, selectFrom }) =>
        not(exists(selectFrom('messages').select('id').whereRef('account_id', '=', 'accounts.id'))),
      )
      .returning('id')
      .execute();
    await deleteCampaigns(
      trx,
      rows.map(({ id }) => id),
    );
    return rows.length;
  });
}

/** Of accounts whose rows are locked: whoever creates one locks its account first. */
async function deleteCampaigns(trx: Executor, accountIds: readonly string[]): Promise<void> {
  if (accountIds.length === 0) return;
  for (const table of ['campaigns', 'campaign_items'] as const)
    await trx.deleteFrom(table).where('account_id', 'in', accountIds).execute();
}

/** Which of these accounts are there and were not deleted. */
export async function findKeptAccounts(
  db: Executor,
  ids: readonly AccountId[],
): Promise<ReadonlySet<AccountId>> {
  if (ids.length === 0) return new Set();
  const rows = await db.selectFrom('accounts').select('id').where('id', 'in', ids).where(isKept).execute();
  return new Set(rows.map(({ id }) => id as AccountId));
}

/**
 * Tables whose rows belong to one account; messages first, so that none is left that names a row that is gone. The index
 * of snapshots is none of them: it alone says where copies are that are still to be removed, and goes with the last.
 */
const OWNED_TABLES = [
  // First, as whoever accepts their items locks them.
  'campaigns',
  'campaign_items',
  'message_reactions',
  'poll_votes',
  'message_edits',
  'message_changes',
  'messages',
  // Written as messages go.
  'message_counts',
  'message_keys',
  'waiting_changes',
  'rejected_events',
  'chats',
  'contacts',
  'addresses',
  'chat_watermarks',
  'catch_ups',
  'inbound_positions',
  'account_pace',
  'account_usage',
  'session_events',
  'media_uploads',
  'idempotency_keys',
  'account_grants',
  'webhook_account_views',
] as const;

/** The same, last: the lanes of its webhooks are locked before them. */
const OWNED_WEBHOOK_TABLES = ['webhook_deliveries', 'webhooks'] as const;

/** Tables of which an account may have more rows than one transaction should delete, beside its messages. */
const LARGE_TABLES = ['message_changes', 'message_keys', 'webhook_deliveries'] as const;

/** Rows of one transaction. */
const ROWS = 1_000;

/**
 * Removes the account and every row that belongs to it: most of them in transactions of a bounded size, the rest and the
 * account itself, all or nothing, in the last. What is cut off goes on when it is asked for again; until then the account is
 * there. Media files stay: they are shared by content among accounts. An ingest that is under way is waited for, and later
 * ones find no account to store for.
 */
export async function purgeAccount(
  db: Executor,
  id: AccountId,
  { rows = ROWS, alongside = nothing } = {},
): Promise<void> {
  const portion = { rows, transactions: Number.POSITIVE_INFINITY };
  await workInBatches(portion, (limit) => deleteSomeMessages(db, id, limit));
  for (const table of LARGE_TABLES)
    await workInBatches(portion, (limit) => deleteSomeRows(db, table, id, limit));
  await transact(db, async (trx) => {
    await deleteAccountRows(trx, id);
    await alongside(trx);
  });
}

/** Within a transaction, which an account with much of anything makes a long one. */
export async function deleteAccountRows(trx: Executor, id: AccountId): Promise<void> {
  await lockAccountIngest(trx, id);
  for (const table of OWNED_TABLES) await trx.deleteFrom(table).where('account_id', '=', id).execute();
  await lockOwnLanes(trx, id);
  for (const table of OWNED_WEBHOOK_TABLES)
    await trx.deleteFrom(table).where('account_id', '=', id).execute();
  await trx.deleteFrom('accounts').where('id', '=', id).execute();
}

/** Whoever ends a try of a webhook of the account locks its lane before the delivery and the webhook. */
async function lockOwnLanes(trx: Executor, id: AccountId): Promise<void> {
  await trx
    .selectFrom('webhook_lanes')
    .select('lane')
    .where('webhook_id', 'in', trx.selectFrom('webhooks').select('id').where('account_id', '=', id))
    .orderBy('webhook_id')
    .orderBy('lane')
    .forUpdate()
    .execute();
}

/** Those that somebody is writing to are left. Returns how many were deleted. */
function deleteSomeMessages(db: Executor, id: AccountId, limit: number): Promise<number> {
  return transact(db, async (trx) => {
    const rows = await trx
      .selectFrom('messages')
      .select('id')
      .where('account_id', '=', id)
      .limit(limit)
      .forUpdate()
      .skipLocked()
      .execute();
    await deleteMessages(
      trx,
      rows.map((row) => row.id),
    );
    return rows.length;
  });
}

async function deleteSomeRows(
  db: Executor,
  table: (typeof LARGE_TABLES)[number],
  id: AccountId,
  limit: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from ${sql.table(table)} where ctid = any(array(
      select ctid from ${sql.table(table)} where account_id = ${id}::uuid limit ${limit} for update skip locked
    ))`.execute(db);
  return Number(numAffectedRows ?? 0);
}
