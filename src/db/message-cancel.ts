import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { MessageStatus } from '../messages/message.ts';
import { appendChanges, type MessageChange, rowToChange } from './change-log.ts';
import type { Executor } from './database.ts';
import { isOneOfMessages } from './message-lookup.ts';
import type { MessageRef } from './send-result-store.ts';
import { giveBackSlot, lockLimits } from './slot-store.ts';
import { transact } from './transaction.ts';

/**
 * Ends a message that waits, deferred or pending and not handed over, and frees its slot of the day for the next in
 * line. False if it does not wait: the sender was quicker, or it has ended.
 */
export async function cancelMessage(db: Executor, { id, accountId }: MessageRef, at: Date): Promise<boolean> {
  return transact(db, async (trx) => {
    await lockLimits(trx, accountId);
    const changes: MessageChange[] = [];
    const cancelled = await cancelWaiting(trx, accountId, { ids: [id], at }, changes);
    await appendChanges(trx, accountId, changes);
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

const isCancellable = sql<boolean>`(direction = 'outgoing' and bare_id is null and handed_at is null
  and status in ('pending', 'deferred'))`;
