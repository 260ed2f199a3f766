import type { Selectable } from 'kysely';
import type { AccountId, MessageId } from '../accounts/ids.ts';
import type { AccountScope } from '../accounts/principal.ts';
import type {
  Direction,
  MediaStatus,
  MessageContact,
  MessageLocation,
  MessagePoll,
  MessageStatus,
  MessageType,
} from '../messages/message.ts';
import { parseRecipient, parseWid } from '../messages/whatsapp-key.ts';
import { isInScope } from './account-grant-store.ts';
import { isKept } from './account-row.ts';
import { canonicalChatOf } from './address-store.ts';
import type { Executor } from './database.ts';
import { type Page, type PageRequest, rowsToPage } from './keyset.ts';
import { listAdditions, type MessageAdditions } from './message-additions.ts';
import { readNewest, SHOWN_COLUMNS } from './message-listing.ts';
import { isMessage, isOneOfMessages } from './message-lookup.ts';
import type { MessageTable } from './schema.ts';

/** A message as it is read by the API. */
export interface StoredMessage extends MessageAdditions {
  readonly id: MessageId;
  readonly whatsappMessageId: string | null;
  readonly accountId: AccountId;
  readonly chatId: string;
  readonly phoneNumber: string | null;
  readonly direction: Direction;
  /** Who wrote an incoming message: in groups the participant. */
  readonly author: string | null;
  readonly authorName: string | null;
  readonly type: MessageType;
  readonly text: string | null;
  readonly location: MessageLocation | null;
  readonly contacts: readonly MessageContact[] | null;
  readonly poll: MessagePoll | null;
  readonly caption: string | null;
  readonly media: {
    readonly status: MediaStatus;
    readonly sha256: string | null;
    readonly mimeType: string | null;
    readonly fileName: string | null;
    readonly fileSize: number | null;
  } | null;
  /** Our id of the message that this one answers; WhatsApp's bare id if we do not hold it. */
  readonly replyTo: string | null;
  readonly status: MessageStatus;
  readonly failure: { readonly code: string | null; readonly reason: string | null } | null;
  readonly timestamp: Date;
  readonly handedAt: Date | null;
  readonly sentAt: Date | null;
  readonly deliveredAt: Date | null;
  readonly readAt: Date | null;
  readonly playedAt: Date | null;
  readonly editedAt: Date | null;
  readonly revokedAt: Date | null;
  readonly recovered: boolean;
}

/** What to list; every given condition must hold. */
export interface MessageFilter {
  /** E.164. */
  readonly phoneNumber?: string | undefined;
  /** In any dialect in which a message is sent there. */
  readonly chatId?: string | undefined;
  readonly direction?: Direction | undefined;
  readonly status?: MessageStatus | undefined;
  /** Inclusive. */
  readonly since?: Date | undefined;
  /** Exclusive. */
  readonly until?: Date | undefined;
}

/** A message of an account in the scope; messages of a deleted account stay to be read by who sees all accounts. */
export async function findMessage(
  db: Executor,
  scope: AccountScope,
  id: MessageId,
): Promise<StoredMessage | undefined> {
  const row = await db
    .selectFrom('messages')
    .innerJoin('accounts', 'accounts.id', 'messages.account_id')
    .select(SHOWN_COLUMNS)
    .where(isMessage(id))
    .where(isInScope(scope))
    .$if(scope.grantee !== null, (query) => query.where(isKept))
    .executeTakeFirst();
  return row && rowToMessage(row, await listAdditions(db, [row]));
}

/** Those of these messages that there are, of whatever tenant. Not for answering users. */
export async function listMessagesOfAny(
  db: Executor,
  ids: readonly MessageId[],
): Promise<readonly StoredMessage[]> {
  if (ids.length === 0) return [];
  const rows = await db.selectFrom('messages').select(SHOWN_COLUMNS).where(isOneOfMessages(ids)).execute();
  const additions = await listAdditions(db, rows);
  return rows.map((row) => rowToMessage(row, additions));
}

/** The account's messages, newest first. Pages neither repeat nor skip a message while others come in. */
export async function listMessages(
  db: Executor,
  accountId: AccountId,
  filter: MessageFilter,
  { limit, after }: PageRequest,
): Promise<Page<StoredMessage>> {
  const { direction, status, since, until } = filter;
  const rows = await readNewest(
    db,
    {
      accountId,
      chatIds: await filterToChats(db, accountId, filter),
      direction,
      status,
      range: { from: since ?? null, before: until ?? null },
    },
    after,
    limit + 1,
  );
  const additions = await listAdditions(db, rows.slice(0, limit));
  return rowsToPage(rows, limit, {
    item: (row) => rowToMessage(row, additions),
    position: (row) => ({ at: row.position_at, tie: row.seq }),
  });
}

/** A row has a phone number exactly if its chat is that of the number, so the index of chats serves for both. */
async function filterToChats(
  db: Executor,
  accountId: AccountId,
  { chatId, phoneNumber }: MessageFilter,
): Promise<string[]> {
  const ofNumber = phoneNumber === undefined ? undefined : parseRecipient(phoneNumber);
  const told = parseWid(chatId);
  const named = told === undefined ? undefined : await canonicalChatOf(db, accountId, told);
  return [named, ofNumber].filter((chat) => chat !== undefined);
}

/** What only some types carry; the shape in which the pipeline writes `messages.payload`. */
interface MessagePayload {
  readonly location?: MessageLocation;
  readonly contacts?: readonly MessageContact[];
  readonly poll?: MessagePoll;
}

type MessageRow = Omit<Selectable<MessageTable>, 'bare_id' | 'native_type' | SendingColumn> & {
  readonly replied_message: string | null;
};

/** What only the sender reads. */
type SendingColumn = 'slot_date' | 'on_limit' | 'lane' | 'claimed_by' | 'claim_epoch' | 'unknown_since';

function rowToMessage(
  row: Omit<MessageRow, 'created_at'>,
  additionsTo: (id: string) => MessageAdditions,
): StoredMessage {
  const payload: MessagePayload = row.payload ?? {};
  return {
    id: row.id as MessageId,
    whatsappMessageId: row.whatsapp_message_id,
    accountId: row.account_id as AccountId,
    chatId: row.chat_id,
    phoneNumber: row.phone_number,
    direction: row.direction as Direction,
    author: row.author,
    authorName: row.author_name,
    type: row.type as MessageType,
    text: row.text,
    location: payload.location ?? null,
    contacts: payload.contacts ?? null,
    poll: payload.poll ?? null,
    caption: row.caption,
    media: rowToMedia(row),
    replyTo: row.replied_message ?? row.reply_to,
    status: row.status as MessageStatus,
    failure:
      row.failed_code === null && row.failed_reason === null
        ? null
        : { code: row.failed_code, reason: row.failed_reason },
    timestamp: row.timestamp,
    handedAt: row.handed_at,
    sentAt: row.sent_at,
    deliveredAt: row.delivered_at,
    readAt: row.read_at,
    playedAt: row.played_at,
    editedAt: row.edited_at,
    revokedAt: row.revoked_at,
    recovered: row.recovered,
    ...additionsTo(row.id),
  };
}

function rowToMedia(
  row: Pick<MessageRow, 'media_status' | 'media_sha256' | 'mime_type' | 'file_name' | 'file_size'>,
): StoredMessage['media'] {
  if (row.media_status === null) return null;
  return {
    status: row.media_status as MediaStatus,
    sha256: row.media_sha256,
    mimeType: row.mime_type,
    fileName: row.file_name,
    fileSize: row.file_size,
  };
}
