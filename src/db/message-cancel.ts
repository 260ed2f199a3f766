import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { MessageStatus } from '../messages/message.ts';
import type { SendFailure } from '../messages/send-outcome.ts';
import { appendChanges, type MessageChange, rowToChange } from './change-log.ts';
import type { Executor } from './database.ts';
import { isOneOfMessages } from './message-lookup.ts';
import type { MessageRef } from './send-result-store.ts';
import { giveBackSlot, lockLimits } from './slot-store.ts';
import { transact } from './transaction.ts';

/**
 * Ends a message that waits, deferred or pending and not handed over, and frees its slot of the day for the next in
 * line. False if it does not wait: the sender was quicker, or it has ended; else `alongside` is done in the same transaction.
 */
export async function cancelMessage(
  db: Executor,
  { id, accountId }: MessageRef,
  at: Date,
  alongside?: (trx: Executor) => Promise<void>,
): Promise<boolean> {
  return transact(db, async (trx) => {
    await lockLimits(trx, accountId);
    const changes: MessageChange[] = [];
    const cancelled = await cancelWaiting(trx, accountId, { ids: [id], at }, changes);
    await appendChanges(trx, accountId, changes);
    if (cancelled > 0) await alongside?.(trx);
    return cancelled > 0;
  });
}

/** The same for those of the account's messages with these ids that wait, with the lock of the limits held. Returns how many did. */
export async function cancelWaiting(
  trx: Executor,
  accountId: AccountId,
  { ids, at }: { readonly ids: readonly string[]; readonly at: Date },
  changes: MessageChange[],
): Promise<number> {
  const rows = await trx
    .selectFrom('messages')
    .select(['id', 'chat_id', 'phone_number', 'slot_date'])
    .where(isOneOfMessages(ids))
    .where(isCancellable)
    .orderBy('seq')
    .forUpdate()
    .execute();
  await trx
    .updateTable('messages')
    .set({ status: 'cancelled' satisfies MessageStatus, slot_date: null })
    .where(isOneOfMessages(rows.map(({ id }) => id)))
    .execute();
  changes.push(...rows.map((row) => rowToChange(row, 'status')));
  for (const { slot_date: date } of rows)
    await giveBackSlot(trx, accountId, { date, handed: false }, at, changes);
  return rows.length;
}

/**
 * Ends all that waits of an account that is deleted or linked with another number in this transaction, which has locked its
 * row; with the lock of the limits held. Whoever has a slot is waited for; who gets one later finds the account deleted, or
 * has its message leave from the new number.
 */
export async function cancelAllWaiting(
  trx: Executor,
  accountId: AccountId,
  changes: MessageChange[],
  why?: SendFailure,
): Promise<void> {
  await cancelSeen(trx, accountId, changes, why);
  await sql`select from account_usage where account_id = ${accountId}::uuid for update`.execute(trx);
  // What was accepted until its slot's day was locked.
  await cancelSeen(trx, accountId, changes, why);
}

/** In statements whose number does not grow with that of the messages; nobody is left who could take their slots. */
async function cancelSeen(
  trx: Executor,
  accountId: AccountId,
  changes: MessageChange[],
  why: SendFailure | undefined,
): Promise<void> {
  const reason = why === undefined ? {} : { failed_code: why.code, failed_reason: why.reason };
  for (const status of ['pending', 'deferred'] as const) {
    const rows = await trx
      .selectFrom('messages')
      .select(['id', 'chat_id', 'phone_number', 'slot_date'])
      .where('account_id', '=', accountId)
      .where('direction', '=', 'outgoing')
      .where('status', '=', status)
      .where('handed_at', 'is', null)
      .where('bare_id', 'is', null)
      .orderBy('seq')
      .forUpdate()
      .execute();
    if (rows.length === 0) continue;
    await trx
      .updateTable('messages')
      .set({ status: 'cancelled' satisfies MessageStatus, slot_date: null, ...reason })
      .where(isOneOfMessages(rows.map(({ id }) => id)))
      .execute();
    await sql`
      update account_usage u set taken = u.taken - r.count
      from (
        select date, count(*)::integer as count from unnest(${rows.map((row) => row.slot_date)}::date[]) as s(date)
        group by date
      ) r
      where u.account_id = ${accountId}::uuid and u.local_date = r.date`.execute(trx);
    changes.push(...rows.map((row) => rowToChange(row, 'status')));
  }
}

const isCancellable = sql<boolean>`(direction = 'outgoing' and bare_id is null and handed_at is null
  and status in ('pending', 'deferred'))`;
