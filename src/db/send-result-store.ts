import type { AccountId, MessageId } from '../accounts/ids.ts';
import { ERROR_CATALOGUE } from '../lib/errors.ts';
import { type Ack, ackToStatus, type MessageStatus } from '../messages/message.ts';
import { statusAfterAck } from '../messages/status-ladder.ts';
import type { Executor } from './database.ts';
import { isMessage } from './message-lookup.ts';
import { giveBackSlot, lockLimits } from './slot-store.ts';
import { countUsage } from './usage-store.ts';

/** Statuses in which the server has not told anything yet. */
const OPEN_STATUSES = ['pending', 'unknown'] as const satisfies readonly MessageStatus[];

export interface FailureRecord {
  readonly code: string;
  readonly reason: string;
  readonly at: Date;
}

/** A message, as far as its results go. */
export interface MessageRef {
  readonly id: MessageId;
  readonly accountId: AccountId;
}

/** The message's status now; undefined if it was purged. */
export async function findMessageStatus(db: Executor, id: MessageId): Promise<MessageStatus | undefined> {
  const row = await db.selectFrom('messages').select('status').where(isMessage(id)).executeTakeFirst();
  return row && (row.status as MessageStatus);
}

/** What the page shows of a message. */
export interface PageAck {
  readonly ack: Ack;
  /** WhatsApp's reason for a refusal (ack -1), if it told one. */
  readonly reason: string | null;
}

/**
 * Moves the status to where an ack that the page showed puts it; never back, so it may come before or after the same
 * ack as an event. An ack 0 tells that the page holds a message that was `unknown`: it is pending again.
 */
export async function applyPageAck(
  db: Executor,
  message: MessageRef,
  { ack, reason }: PageAck,
  at: Date,
): Promise<void> {
  if (ack === -1) {
    const told = reason ?? ERROR_CATALOGUE.SEND_REFUSED.message;
    await markFailed(db, message, { code: 'SEND_REFUSED', reason: told, at });
    return;
  }
  if (ack === 0) {
    await db
      .updateTable('messages')
      .set({ status: 'pending' satisfies MessageStatus })
      .where(isMessage(message.id))
      .where('status', '=', 'unknown')
      .execute();
    return;
  }
  await db.transaction().execute((trx) => advance(trx, message.id, ack, at));
}

async function advance(trx: Executor, id: MessageId, ack: Ack, at: Date): Promise<void> {
  const row = await trx
    .selectFrom('messages')
    .select(['status', 'sent_at', 'delivered_at', 'read_at', 'played_at'])
    .where(isMessage(id))
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) return;
  const position = { status: row.status as MessageStatus, sentAt: row.sent_at?.getTime() ?? null };
  const status = statusAfterAck(position, ack, at.getTime());
  await trx
    .updateTable('messages')
    .set({
      status,
      ...(status === ackToStatus(ack) ? { failed_code: null, failed_reason: null } : {}),
      sent_at: row.sent_at ?? at,
      ...(ack >= 2 ? { delivered_at: row.delivered_at ?? at } : {}),
      ...(ack >= 3 ? { read_at: row.read_at ?? at } : {}),
      ...(ack >= 4 ? { played_at: row.played_at ?? at } : {}),
    })
    .where(isMessage(id))
    .execute();
}

/** Ends a message that will never leave, and counts it, unless the server has told otherwise. */
export async function markFailed(db: Executor, message: MessageRef, failure: FailureRecord): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('messages')
      .set({
        status: 'failed' satisfies MessageStatus,
        failed_code: failure.code,
        failed_reason: failure.reason,
      })
      .where(isMessage(message.id))
      .where('status', 'in', OPEN_STATUSES)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows > 0n) await countUsage(trx, message.accountId, 'failed', failure.at);
  });
}

/** The same for a message of which nothing left: it counts as failed alone, and its slot of the day is free again. */
export async function markNeverLeft(
  db: Executor,
  message: MessageRef,
  failure: FailureRecord,
): Promise<void> {
  const { id, accountId } = message;
  await db.transaction().execute(async (trx) => {
    await lockLimits(trx, accountId);
    const row = await trx
      .selectFrom('messages')
      .select(['slot_date', 'handed_at'])
      .where(isMessage(id))
      .where('status', 'in', OPEN_STATUSES)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) return;
    await trx
      .updateTable('messages')
      .set({
        status: 'failed' satisfies MessageStatus,
        failed_code: failure.code,
        failed_reason: failure.reason,
        slot_date: null,
      })
      .where(isMessage(id))
      .execute();
    await countUsage(trx, accountId, 'failed', failure.at);
    await giveBackSlot(trx, accountId, { date: row.slot_date, handed: row.handed_at !== null }, failure.at);
  });
}

/** Says that whether the message left is not known. With a failure it is given up: it is not tried again. */
export async function markUnknown(
  db: Executor,
  id: MessageId,
  failure?: Omit<FailureRecord, 'at'>,
): Promise<void> {
  await db
    .updateTable('messages')
    .set({
      status: 'unknown' satisfies MessageStatus,
      ...(failure === undefined ? {} : { failed_code: failure.code, failed_reason: failure.reason }),
    })
    .where(isMessage(id))
    .where('status', 'in', OPEN_STATUSES)
    .execute();
}
