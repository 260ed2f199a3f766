import type { AccountId, MessageId } from '../accounts/ids.ts';
import type { Ack, MessageStatus } from '../messages/message.ts';
import { OPEN_STATUSES } from '../messages/status-ladder.ts';
import type { Executor } from './database.ts';
import { ACK_COLUMNS, applyAck } from './ingest-merge.ts';
import { isMessage } from './message-lookup.ts';
import { giveBackSlot, lockLimits } from './slot-store.ts';
import { countUsage } from './usage-store.ts';

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
 * Does with an ack that the page showed what is done with one that comes as an event, so that either may come first. An
 * ack 0 tells besides that the page holds a message that was `unknown`: it is pending again.
 */
export async function applyPageAck(
  db: Executor,
  message: MessageRef,
  { ack, reason }: PageAck,
  at: Date,
): Promise<void> {
  if (ack === 0) {
    await db
      .updateTable('messages')
      .set({ status: 'pending' satisfies MessageStatus, ...KNOWN })
      .where(isMessage(message.id))
      .where('status', '=', 'unknown')
      .execute();
    return;
  }
  await db.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('messages')
      .select(ACK_COLUMNS)
      .where(isMessage(message.id))
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) return;
    const before = row.status;
    applyAck(row, ack, at, reason);
    const { direction: _, ...changed } = row;
    await trx
      .updateTable('messages')
      .set({ ...changed, unknown_since: null })
      .where(isMessage(message.id))
      .execute();
    if (row.status === 'failed' && before !== 'failed')
      await countUsage(trx, message.accountId, 'failed', at);
  });
}

/** Columns of a message whose outcome is no longer in doubt. */
const KNOWN = { unknown_since: null, failed_code: null, failed_reason: null } as const;

/** Ends a message that will never leave, and counts it, unless the server has told otherwise. */
export async function markFailed(db: Executor, message: MessageRef, failure: FailureRecord): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('messages')
      .set(failureToColumns(failure))
      .where(isMessage(message.id))
      .where('status', 'in', OPEN_STATUSES)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows > 0n) await countUsage(trx, message.accountId, 'failed', failure.at);
  });
}

function failureToColumns({ code, reason }: FailureRecord) {
  const status = 'failed' satisfies MessageStatus;
  return { status, unknown_since: null, failed_code: code, failed_reason: reason };
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
      .set({ ...failureToColumns(failure), slot_date: null })
      .where(isMessage(id))
      .execute();
    await countUsage(trx, accountId, 'failed', failure.at);
    await giveBackSlot(trx, accountId, { date: row.slot_date, handed: row.handed_at !== null }, failure.at);
  });
}

/**
 * Says that whether the message left is not known, and since when; undefined if it is known by now. With a `finding` its
 * absence from a page proves nothing, and it is never handed over again.
 */
export async function markUnknown(
  db: Executor,
  id: MessageId,
  at: Date,
  finding?: Omit<FailureRecord, 'at'>,
): Promise<Date | undefined> {
  const row = await db
    .updateTable('messages')
    .set(({ ref, fn, val }) => ({
      status: 'unknown' satisfies MessageStatus,
      unknown_since: fn.coalesce(ref('unknown_since'), val(at)),
      ...(finding === undefined ? {} : { failed_code: finding.code, failed_reason: finding.reason }),
    }))
    .where(isMessage(id))
    .where('status', 'in', OPEN_STATUSES)
    .returning('unknown_since')
    .executeTakeFirst();
  return row && (row.unknown_since ?? at);
}

/**
 * The same, with a finding, for every message of an account that was handed over between two instants and whose outcome
 * is open. Returns how many there are.
 */
export async function markAllUnknown(
  db: Executor,
  accountId: AccountId,
  handed: { readonly from: Date; readonly to: Date },
  finding: FailureRecord,
): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('messages')
    .set(({ ref, fn, val }) => ({
      status: 'unknown' satisfies MessageStatus,
      unknown_since: fn.coalesce(ref('unknown_since'), val(finding.at)),
      failed_code: finding.code,
      failed_reason: finding.reason,
    }))
    .where('account_id', '=', accountId)
    .where('direction', '=', 'outgoing')
    .where('status', 'in', OPEN_STATUSES)
    .where('failed_code', 'is', null)
    .where('handed_at', '>=', handed.from)
    .where('handed_at', '<=', handed.to)
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}
