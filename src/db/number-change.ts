import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { CampaignStatus } from '../messages/campaign.ts';
import { HANDED_BY_OTHER, NUMBER_CHANGED } from '../messages/send-outcome.ts';
import { appendChanges, type MessageChange } from './change-log.ts';
import type { Executor } from './database.ts';
import { cancelAllWaiting } from './message-cancel.ts';
import { doubtHandedSince } from './send-result-store.ts';
import { lockLimits } from './slot-store.ts';

/**
 * Lets an account begin anew that is linked with another number at the instant `at`; in the transaction that stores the link,
 * which has locked its row. Its messages, its limits and what it used of them stay. What was known of the phone before goes:
 * since when it was linked, how far its page was read, who had written to it, its contacts, and what WhatsApp thought of it.
 * What was to leave from the number before is cancelled, and its campaigns with it; what was being handed over is not looked
 * for in the new page.
 */
export async function leaveNumber(trx: Executor, id: AccountId, at: Date): Promise<void> {
  const changes: MessageChange[] = [];
  await cancelCampaigns(trx, id, at);
  await lockLimits(trx, id);
  await doubtHandedSince(trx, id, { finding: { ...HANDED_BY_OTHER, at }, since: new Date(0) }, changes);
  await giveUpLookingUp(trx, id);
  await cancelAllWaiting(trx, id, changes, NUMBER_CHANGED);
  await forgetPage(trx, id);
  await resetPace(trx, id, at);
  await forgetWriters(trx, id);
  await appendChanges(trx, id, changes);
}

async function cancelCampaigns(trx: Executor, id: AccountId, at: Date): Promise<void> {
  await trx
    .updateTable('campaigns')
    .set({ status: 'cancelled' satisfies CampaignStatus, ended_at: at })
    .where('account_id', '=', id)
    .where('status', 'in', ['running', 'paused'] satisfies CampaignStatus[])
    .execute();
}

/** Of those also that another finding had before. */
async function giveUpLookingUp(trx: Executor, id: AccountId): Promise<void> {
  const { code, reason } = HANDED_BY_OTHER;
  await trx
    .updateTable('messages')
    .set({ failed_code: code, failed_reason: reason })
    .where('account_id', '=', id)
    .where('direction', '=', 'outgoing')
    .where('status', '=', 'unknown')
    .where('failed_code', 'is distinct from', code)
    .execute();
}

async function forgetPage(trx: Executor, id: AccountId): Promise<void> {
  const forgotten = { first_linked_at: null, caught_up_to: null };
  await trx.updateTable('accounts').set(forgotten).where('id', '=', id).execute();
  for (const table of ['chat_watermarks', 'waiting_changes', 'contacts'] as const)
    await trx.deleteFrom(table).where('account_id', '=', id).execute();
}

/** A breaker that is closed from `at` on leaves out what was handed over before. */
async function resetPace(trx: Executor, id: AccountId, at: Date): Promise<void> {
  const values = {
    breaker: 'closed',
    opened_at: at,
    opened_by: null,
    capping: null,
    capping_until: null,
    updated_at: at,
  };
  await trx
    .insertInto('account_pace')
    .values({ account_id: id, ...values })
    .onConflict((conflict) => conflict.column('account_id').doUpdateSet(values))
    .execute();
}

/** In the order in which whoever logs changes locks chats. */
async function forgetWriters(trx: Executor, id: AccountId): Promise<void> {
  await sql`
    with known as (
      select chat_id from chats where account_id = ${id}::uuid order by chat_id for update
    )
    update chats c set last_incoming_at = null, unread = 0 from known k
    where c.account_id = ${id}::uuid and c.chat_id = k.chat_id
      and (c.last_incoming_at is not null or c.unread <> 0)`.execute(trx);
}
