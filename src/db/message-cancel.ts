import { sql } from 'kysely';
import type { MessageId } from '../accounts/ids.ts';
import type { MessageStatus } from '../messages/message.ts';
import { appendChanges, rowToChange } from './change-log.ts';
import type { Executor } from './database.ts';
import { isMessage } from './message-lookup.ts';
import type { MessageRef } from './send-result-store.ts';
import { giveBackSlot, lockLimits } from './slot-store.ts';
import { transact } from './transaction.ts';

/**
 * Ends a message that waits, deferred or pending and not handed over, and frees its slot of the day for the next in
 * line. False if it does not wait: the sender was quicker, or it has ended.
 */
export async function cancelMessage(db: Executor, message: MessageRef, at: Date): Promise<boolean> {
  const { id, accountId } = message;
  return transact(db, async (trx) => {
    await lockLimits(trx, accountId);
    const row = await trx
      .selectFrom('messages')
      .select(['id', 'chat_id', 'phone_number', 'slot_date'])
      .where(isMessage(id))
      .where(isCancellable)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) return false;
    await markCancelled(trx, id);
    const changes = [rowToChange(row, 'status')];
    await giveBackSlot(trx, accountId, { date: row.slot_date, handed: false }, at, changes);
    await appendChanges(trx, accountId, changes);
    return true;
  });
}

const isCancellable = sql<boolean>`(direction = 'outgoing' and bare_id is null and handed_at is null
  and status in ('pending', 'deferred'))`;

async function markCancelled(trx: Executor, id: MessageId): Promise<void> {
  await trx
    .updateTable('messages')
    .set({ status: 'cancelled' satisfies MessageStatus, slot_date: null })
    .where(isMessage(id))
    .execute();
}
