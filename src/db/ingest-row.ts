import { ERROR_CATALOGUE } from '../lib/errors.ts';
import { clampInstantMs } from '../lib/instant.ts';
import type { MessageEvent } from '../messages/inbound-event.ts';
import type { MessageStatus } from '../messages/message.ts';
import { statusAfterAck } from '../messages/status-ladder.ts';
import { chatIdToPhoneNumber, keyToString } from '../messages/whatsapp-key.ts';

/** The largest value of the column file_size. */
const MAX_FILE_SIZE = 2_147_483_647;

/** What inbound events may change of a message. Times are ISO texts or what pg reads of them. */
export interface MutableColumns {
  whatsapp_message_id: string | null;
  author: string | null;
  author_name: string | null;
  type: string;
  native_type: string | null;
  text: string | null;
  caption: string | null;
  payload: object | null;
  reply_to: string | null;
  media_status: string | null;
  media_sha256: string | null;
  mime_type: string | null;
  file_name: string | null;
  file_size: number | null;
  status: string;
  failed_code: string | null;
  failed_reason: string | null;
  sent_at: Date | null;
  delivered_at: Date | null;
  read_at: Date | null;
  played_at: Date | null;
  edited_at: Date | null;
  revoked_at: Date | null;
}

/** What stays as it was when the message became known. */
export interface FixedColumns {
  readonly id: string;
  readonly account_id: string;
  readonly chat_id: string;
  readonly phone_number: string | null;
  readonly bare_id: string | null;
  readonly direction: string;
  readonly timestamp: Date;
  readonly handed_at: Date | null;
  readonly recovered: boolean;
}

export type IngestRow = MutableColumns & FixedColumns;

/**
 * The row of a message that is seen for the first time.
 *
 * An outgoing one was written on the phone or on another device: it counts as handed over and at least as sent,
 * whatever its ack, since `pending` without `handed_at` is what the sender picks up. `learnedAt` is when we were
 * told; it stands for the time of receipts that happened before and whose time nobody tells. `ids.id` is one that was
 * made for the event's instant.
 */
export function eventToRow(
  event: MessageEvent,
  ids: { readonly id: string; readonly accountId: string },
  learnedAt: Date,
): IngestRow {
  const at = new Date(clampInstantMs(event.at));
  const outgoing = event.key.fromMe;
  return {
    id: ids.id,
    account_id: ids.accountId,
    chat_id: event.chatId,
    phone_number: chatIdToPhoneNumber(event.chatId),
    bare_id: event.key.bareId,
    direction: outgoing ? 'outgoing' : 'incoming',
    timestamp: at,
    handed_at: outgoing ? at : null,
    recovered: event.recovered,
    whatsapp_message_id: keyToString(event.key),
    ...eventToContent(event),
    media_sha256: null,
    ...eventToReceipts(event, at, learnedAt),
    edited_at: event.editedAt === null ? null : new Date(clampInstantMs(event.editedAt)),
    revoked_at: event.type === 'revoked' ? at : null,
  };
}

/** What the message says, as columns; also what replaces the stub of a message that was revoked unseen. */
export function eventToContent(event: MessageEvent) {
  return {
    author: event.author,
    author_name: event.authorName,
    type: event.type,
    native_type: event.nativeType,
    text: event.text,
    caption: event.caption,
    payload: eventToPayload(event),
    reply_to: event.quoted?.bareId ?? null,
    media_status: event.media === null ? null : 'pending',
    mime_type: event.media?.mimeType ?? null,
    file_name: event.media?.fileName ?? null,
    file_size: storableSize(event.media?.fileSize ?? null),
  };
}

/** A size that the column can hold; a declared size is the sender's word and may be anything. */
export function storableSize(bytes: number | null): number | null {
  return Number.isInteger(bytes) && bytes !== null && bytes >= 0 && bytes <= MAX_FILE_SIZE ? bytes : null;
}

function eventToPayload(event: MessageEvent): object | null {
  const payload = {
    ...(event.location === null ? {} : { location: event.location }),
    ...(event.contacts === null ? {} : { contacts: event.contacts }),
    ...(event.poll === null ? {} : { poll: event.poll }),
    ...(event.quoted === null ? {} : { quotedText: event.quoted.text }),
    ...(event.mentions.length === 0 ? {} : { mentions: event.mentions }),
    ...(event.forwarded ? { forwarded: true } : {}),
  };
  return Object.keys(payload).length === 0 ? null : payload;
}

function eventToReceipts(event: MessageEvent, at: Date, learnedAt: Date) {
  const none = {
    failed_code: null,
    failed_reason: null,
    sent_at: null,
    delivered_at: null,
    read_at: null,
    played_at: null,
  };
  const { ack } = event;
  if (!event.key.fromMe) {
    return ack >= 3
      ? { ...none, status: 'read' satisfies MessageStatus, read_at: learnedAt }
      : { ...none, status: 'delivered' satisfies MessageStatus };
  }
  const failed = ack === -1;
  return {
    ...none,
    status: statusAfterAck({ status: 'sent', sentAt: null }, ack, event.at),
    failed_code: failed ? 'SEND_REFUSED' : null,
    failed_reason: failed ? (event.ackReason ?? ERROR_CATALOGUE.SEND_REFUSED.message) : null,
    sent_at: failed ? null : at,
    delivered_at: ack >= 2 ? learnedAt : null,
    read_at: ack >= 3 ? learnedAt : null,
    played_at: ack >= 4 ? learnedAt : null,
  };
}
