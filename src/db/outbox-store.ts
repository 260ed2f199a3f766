import { type Selectable, sql } from 'kysely';
import type { AccountId, MessageId } from '../accounts/ids.ts';
import { latestCredibleMs } from '../lib/instant-age.ts';
import type { Lane } from '../limits/lane.ts';
import type { MessageType } from '../messages/message.ts';
import { HANDED_BY_OTHER } from '../messages/send-outcome.ts';
import type { OutgoingPayload, StoredContent } from '../messages/stored-content.ts';
import { type MessageKey, parseKeyString } from '../messages/whatsapp-key.ts';
import type { Executor } from './database.ts';
import { isMessage } from './message-lookup.ts';
import { laneOf, mayWriteToStrangers } from './pace-store.ts';
import type { MessageTable } from './schema.ts';
import { isSendable, isSince } from './sendable.ts';

/** An accepted message that has not been handed to the page. */
export interface OutgoingMessage extends StoredContent {
  readonly id: MessageId;
  readonly accountId: AccountId;
  readonly chatId: string;
  readonly replyTo: MessageId | null;
}

/** The name under which a message goes out: its key, and the canonical chat. */
export interface SendName {
  readonly key: MessageKey;
  readonly chatId: string;
}

/** A message that was handed to the page, or was about to be. */
export interface HandedMessage extends OutgoingMessage {
  readonly prepared: SendName;
  /** Of the last time that it was handed over; `epoch` is null if nobody wrote it down. */
  readonly claim: { readonly epoch: number | null; readonly at: Date };
  /** False once its absence from a page is known to prove nothing: it is never handed over again. */
  readonly isRepeatable: boolean;
  /** False while it is known that nothing of it left, however often it was handed over. */
  readonly mayHaveLeft: boolean;
}

/** For so long after its hand-over an `unknown` message is looked up again; milliseconds. */
export const UNKNOWN_KEPT_MS = 30 * 86_400_000;

/** So far the clocks of the daemons that accept messages may be apart, or be set back; milliseconds. */
const CLOCK_MARGIN_MS = 86_400_000;

const MESSAGE_COLUMNS = [
  'id',
  'account_id',
  'chat_id',
  'bare_id',
  'whatsapp_message_id',
  'type',
  'text',
  'caption',
  'payload',
  'reply_to',
  'media_sha256',
  'mime_type',
  'file_name',
  'file_size',
] as const satisfies readonly (keyof MessageTable)[];

const HANDED_COLUMNS = [
  ...MESSAGE_COLUMNS,
  'handed_at',
  'claim_epoch',
  'failed_code',
] as const satisfies readonly (keyof MessageTable)[];

/**
 * The messages of an account that wait to be handed over, in the order in which they were accepted, outside the chats that are
 * blocked, and outside those of strangers while WhatsApp lets nobody new be written to. `since`: see `findOpenSince`.
 */
export async function listNextToSend(
  db: Executor,
  accountId: AccountId,
  blockedChats: readonly string[],
  { at, since, limit }: { readonly at: Date; readonly since?: Date | undefined; readonly limit: number },
): Promise<readonly (OutgoingMessage & { readonly lane: Lane })[]> {
  const lane = laneOf(accountId, sql.ref('messages.chat_id'), at);
  const rows = await db
    .selectFrom('messages')
    .select([...MESSAGE_COLUMNS, lane.as('lane')])
    .where(isSendable(accountId, blockedChats, since))
    .where(sql<boolean>`(${mayWriteToStrangers(accountId, at)} or ${lane} <> 'stranger')`)
    .orderBy('seq')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ ...rowToMessage(row), lane: row.lane }));
}

/** A message that still waits to be handed over. */
export async function findToSend(db: Executor, id: MessageId): Promise<OutgoingMessage | undefined> {
  const row = await db
    .selectFrom('messages')
    .select(MESSAGE_COLUMNS)
    .where(isMessage(id))
    .where('status', '=', 'pending')
    .where('handed_at', 'is', null)
    .executeTakeFirst();
  return row && rowToMessage(row);
}

/**
 * No message of the account that waits at the instant `now`, or was handed over within `handedMs` before, is older than what
 * this answers; nor is one that is accepted from then on, if clocks agree within a day. It looks into all partitions, so
 * that others need not.
 */
export async function findOpenSince(
  db: Executor,
  accountId: AccountId,
  { now, handedMs }: { readonly now: number; readonly handedMs: number },
): Promise<Date> {
  const outgoing = sql`account_id = ${accountId}::uuid and direction = 'outgoing'`;
  const { rows } = await sql<{ at: Date | null }>`
    select least(
      (select min("timestamp") from messages where ${outgoing} and status = 'pending'),
      (select min("timestamp") from messages where ${outgoing} and status = 'deferred'),
      (select min(at) from (
        select "timestamp" as at from messages
        where ${outgoing} and handed_at > ${new Date(now - handedMs)}::timestamptz
        -- Else it is looked for along the times, from the first message on.
        offset 0) handed)
    ) as at`.execute(db);
  const oldest = rows[0]?.at?.getTime() ?? now;
  const bound = new Date(Math.min(oldest, now) - CLOCK_MARGIN_MS);
  // That of a partition: within one the time is no condition that is worth an index.
  return new Date(Date.UTC(bound.getUTCFullYear(), bound.getUTCMonth(), 1));
}

/** A part of what `listUnsettled` answers, and where the next begins; null if this is the last. */
export interface UnsettledPage {
  readonly messages: readonly HandedMessage[];
  readonly next: string | null;
}

/**
 * Messages that were handed over at least `minAgeMs` before `now` and whose fate the server has not told, in the order
 * in which they were accepted, `limit` at a time. A clock that was set back must not hide what was handed over before: what is
 * further ahead of it than `minAgeMs` is old enough, and with `minAgeMs` 0 the clock has no say.
 */
export async function listUnsettled(
  db: Executor,
  accountId: AccountId,
  { now, minAgeMs }: { readonly now: number; readonly minAgeMs: number },
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Promise<UnsettledPage> {
  const handed = db
    .selectFrom('messages')
    .select([...HANDED_COLUMNS, 'seq'])
    .where('account_id', '=', accountId)
    .where('direction', '=', 'outgoing')
    .where('handed_at', 'is not', null)
    .$if(minAgeMs > 0, (query) => query.where(isHandedFor(minAgeMs, now)))
    .$if(after !== null, (query) => query.where('seq', '>', after));
  const kept = new Date(now - UNKNOWN_KEPT_MS);
  // Two halves, each read in the order of an index of its own: the whole history of an account is no place to search.
  const half = (query: typeof handed) =>
    db.selectFrom(query.orderBy('seq').limit(limit).as('half')).selectAll();
  const doubted = handed
    .where('status', '=', 'unknown')
    .where('handed_at', '>', kept)
    // The page of another number never had it.
    .where('failed_code', 'is distinct from', HANDED_BY_OTHER.code);
  const rows = await half(handed.where('status', '=', 'pending'))
    .unionAll(half(doubted))
    .orderBy('seq')
    .limit(limit)
    .execute();
  return {
    messages: rows.map(rowToHanded),
    next: rows.length < limit ? null : (rows.at(-1)?.seq ?? null),
  };
}

/** As SQL, that a message was handed over as long ago, or before the clock was set back. */
function isHandedFor(minAgeMs: number, now: number) {
  const latest = new Date(latestCredibleMs(now, minAgeMs));
  return sql<boolean>`(handed_at <= ${new Date(now - minAgeMs)}::timestamptz or handed_at > ${latest}::timestamptz)`;
}

/**
 * Instants (ms since the epoch) at which the account's messages went out after `after` and until `until`, latest first. What
 * was sent on the phone is among them: WhatsApp counts it too. `since`: see `findOpenSince`.
 */
export async function listHandedAt(
  db: Executor,
  accountId: AccountId,
  range: {
    readonly after: Date;
    readonly until: Date;
    readonly limit: number;
    readonly since?: Date | undefined;
  },
): Promise<readonly number[]> {
  const rows = await db
    .selectFrom('messages')
    .select('handed_at')
    .where('account_id', '=', accountId)
    .where('direction', '=', 'outgoing')
    .where('handed_at', '>', range.after)
    .where('handed_at', '<=', range.until)
    .where(isSince(range.since))
    .orderBy('handed_at', 'desc')
    .limit(range.limit)
    .execute();
  return rows.flatMap((row) => (row.handed_at === null ? [] : [row.handed_at.getTime()]));
}

type MessageRow = Pick<Selectable<MessageTable>, (typeof MESSAGE_COLUMNS)[number]>;

function rowToMessage(row: MessageRow): OutgoingMessage {
  return {
    id: row.id as MessageId,
    accountId: row.account_id as AccountId,
    chatId: row.chat_id,
    replyTo: row.reply_to as MessageId | null,
    type: row.type as MessageType,
    text: row.text,
    caption: row.caption,
    payload: row.payload as OutgoingPayload | null,
    media:
      row.media_sha256 === null
        ? null
        : {
            sha256: row.media_sha256,
            mimeType: row.mime_type ?? 'application/octet-stream',
            fileName: row.file_name,
            fileSize: row.file_size ?? 0,
          },
  };
}

type HandedRow = Pick<Selectable<MessageTable>, (typeof HANDED_COLUMNS)[number]>;

function rowToHanded(row: HandedRow): HandedMessage {
  const key = parseKeyString(row.whatsapp_message_id ?? '') ?? {
    fromMe: true,
    chatId: row.chat_id,
    bareId: row.bare_id ?? '',
    participant: null,
  };
  const { claim_epoch: epoch, handed_at: at } = row;
  return {
    ...rowToMessage(row),
    prepared: { key, chatId: row.chat_id },
    claim: { epoch: epoch === null ? null : Number(epoch), at: at ?? new Date(0) },
    isRepeatable: row.failed_code === null,
    mayHaveLeft: true,
  };
}
