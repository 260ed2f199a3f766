/**
 * What a sender finds out about its messages. Whoever lost the account changes nothing by any of it: whoever has it by then
 * finds out itself.
 */
import type { AccountId, MessageId } from '../accounts/ids.ts';
import type { Ack, MessageStatus } from '../messages/message.ts';
import { OPEN_STATUSES } from '../messages/status-ladder.ts';
import { appendChanges, type ChangedRow, type MessageChange, rowToChange } from './change-log.ts';
import type { Executor } from './database.ts';
import { ACK_COLUMNS, applyAck } from './ingest-merge.ts';
import { isHeld, type LeaseFence, NO_FENCE } from './lease-fence.ts';
import { isMessage, isOneOfMessages } from './message-lookup.ts';
import { giveBackSlot, lockLimits } from './slot-store.ts';
import { transact } from './transaction.ts';
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
 *
 * Returns the status that the message has got by it, and whether it is from now on that the server has it; undefined if
 * nothing was learnt.
 */
export async function applyPageAck(
  db: Executor,
  message: MessageRef,
  { ack, reason }: PageAck,
  at: Date,
  fence: LeaseFence = NO_FENCE,
): Promise<{ readonly status: MessageStatus | undefined; readonly isAcked: boolean } | undefined> {
  const under = isHeld(message.accountId, fence.condition(message.accountId));
  if (ack === 0) {
    await transact(db, async (trx) => {
      const row = await trx
        .updateTable('messages')
        .set({ status: 'pending' satisfies MessageStatus, ...KNOWN })
        .where(isMessage(message.id))
        .where('status', '=', 'unknown')
        .where(under)
        .returning(CHANGED_COLUMNS)
        .executeTakeFirst();
      if (row !== undefined) await appendChanges(trx, message.accountId, [rowToChange(row, 'status')]);
    });
    return undefined;
  }
  return transact(db, async (trx) => {
    const row = await trx
      .selectFrom('messages')
      .select([...CHANGED_COLUMNS, ...ACK_COLUMNS])
      .where(isMessage(message.id))
      .where(under)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) return undefined;
    const { status: before, sent_at: sentBefore } = row;
    applyAck(row, ack, at, reason);
    const { direction: _direction, id: _id, chat_id: _chat, phone_number: _phone, ...changed } = row;
    await trx
      .updateTable('messages')
      .set({ ...changed, unknown_since: null })
      .where(isMessage(message.id))
      .execute();
    if (row.status === 'failed' && before !== 'failed')
      await countUsage(trx, message.accountId, 'failed', at);
    const isNew = row.status !== before;
    if (isNew) await appendChanges(trx, message.accountId, [rowToChange(row, 'status')]);
    return {
      status: isNew ? (row.status as MessageStatus) : undefined,
      isAcked: sentBefore === null && row.sent_at !== null,
    };
  });
}

const CHANGED_COLUMNS = ['id', 'chat_id', 'phone_number'] as const satisfies readonly (keyof ChangedRow)[];

/** Columns of a message whose outcome is no longer in doubt. */
const KNOWN = { unknown_since: null, failed_code: null, failed_reason: null } as const;

/** Ends a message that will never leave, and counts it, unless the server has told otherwise; true if it was ended. */
export async function markFailed(
  db: Executor,
  message: MessageRef,
  failure: FailureRecord,
  fence: LeaseFence = NO_FENCE,
): Promise<boolean> {
  return transact(db, async (trx) => {
    const row = await trx
      .updateTable('messages')
      .set(failureToColumns(failure))
      .where(isMessage(message.id))
      .where('status', 'in', OPEN_STATUSES)
      .where(isHeld(message.accountId, fence.condition(message.accountId)))
      .returning(CHANGED_COLUMNS)
      .executeTakeFirst();
    if (row === undefined) return false;
    await countUsage(trx, message.accountId, 'failed', failure.at);
    await appendChanges(trx, message.accountId, [rowToChange(row, 'status')]);
    return true;
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
  fence: LeaseFence = NO_FENCE,
): Promise<boolean> {
  const { id, accountId } = message;
  return transact(db, async (trx) => {
    await lockLimits(trx, accountId);
    const row = await trx
      .selectFrom('messages')
      .select([...CHANGED_COLUMNS, 'slot_date', 'handed_at'])
      .where(isMessage(id))
      .where('status', 'in', OPEN_STATUSES)
      .where(isHeld(accountId, fence.condition(accountId)))
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) return false;
    await trx
      .updateTable('messages')
      .set({ ...failureToColumns(failure), slot_date: null })
      .where(isMessage(id))
      .execute();
    await countUsage(trx, accountId, 'failed', failure.at);
    const slot = { date: row.slot_date, handed: row.handed_at !== null };
    const changes = [rowToChange(row, 'status')];
    await giveBackSlot(trx, accountId, slot, failure.at, changes);
    await appendChanges(trx, accountId, changes);
    return true;
  });
}

/**
 * Says that whether the message left is not known, and since when; undefined if it is known by now. With a `finding` its
 * absence from a page proves nothing, and it is never handed over again.
 */
export async function markUnknown(
  db: Executor,
  { id, accountId }: MessageRef,
  at: Date,
  finding?: Omit<FailureRecord, 'at'>,
  fence: LeaseFence = NO_FENCE,
): Promise<Date | undefined> {
  return transact(db, async (trx) => {
    const row = await trx
      .selectFrom('messages')
      .select([...CHANGED_COLUMNS, 'status', 'unknown_since'])
      .where(isMessage(id))
      .where('status', 'in', OPEN_STATUSES)
      .where(isHeld(accountId, fence.condition(accountId)))
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) return undefined;
    const since = row.unknown_since ?? at;
    await trx
      .updateTable('messages')
      .set({
        status: 'unknown' satisfies MessageStatus,
        unknown_since: since,
        ...(finding === undefined ? {} : { failed_code: finding.code, failed_reason: finding.reason }),
      })
      .where(isMessage(id))
      .execute();
    if (row.status !== 'unknown') await appendChanges(trx, accountId, [rowToChange(row, 'status')]);
    return since;
  });
}

/**
 * The same, with a finding, for every message of an account that was handed over since an instant, or ever, and whose
 * outcome is open; in a transaction, as the last that it does. Returns how many there are that had no finding yet.
 */
export async function doubtHanded(
  trx: Executor,
  accountId: AccountId,
  finding: FailureRecord,
  since = new Date(0),
): Promise<number> {
  const changes: MessageChange[] = [];
  const count = await doubtHandedSince(trx, accountId, { finding, since }, changes);
  await appendChanges(trx, accountId, changes);
  return count;
}

/** The same in a transaction that does more to messages, which adds what it changes to `changes`. */
export async function doubtHandedSince(
  trx: Executor,
  accountId: AccountId,
  { finding, since }: { readonly finding: FailureRecord; readonly since: Date },
  changes: MessageChange[],
): Promise<number> {
  const rows = await trx
    .selectFrom('messages')
    .select([...CHANGED_COLUMNS, 'status'])
    .where('account_id', '=', accountId)
    .where('direction', '=', 'outgoing')
    .where('status', 'in', OPEN_STATUSES)
    .where('failed_code', 'is', null)
    .where('handed_at', '>=', since)
    .orderBy('seq')
    .forUpdate()
    .execute();
  await trx
    .updateTable('messages')
    .set(({ ref, fn, val }) => ({
      status: 'unknown' satisfies MessageStatus,
      unknown_since: fn.coalesce(ref('unknown_since'), val(finding.at)),
      failed_code: finding.code,
      failed_reason: finding.reason,
    }))
    .where(isOneOfMessages(rows.map(({ id }) => id)))
    .execute();
  const changed = rows.filter(({ status }) => status !== 'unknown');
  changes.push(...changed.map((row) => rowToChange(row, 'status')));
  return rows.length;
}
