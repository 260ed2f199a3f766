/**
 * What an event changes of a message that is known: pure, on the columns alone.
 *
 * Every rule gives the same end in whatever order and however often the events come: the time of a step is the
 * earliest that any event proves, an edit counts if it is not older than the one before, media goes from pending
 * towards stored and never back. Two cases follow the order of arrival instead, since nothing else tells:
 * a refusal and a server's ack of one message, and changes that carry the same time.
 */
import { ERROR_CATALOGUE } from '../lib/errors.ts';
import type {
  AckEvent,
  EditEvent,
  InboundEvent,
  MediaEvent,
  MessageEvent,
  ReactionEvent,
  VoteEvent,
} from '../messages/inbound-event.ts';
import type { Ack, MediaStatus, MessageStatus } from '../messages/message.ts';
import { statusAfterAck } from '../messages/status-ladder.ts';
import { keyToString } from '../messages/whatsapp-key.ts';
import { eventToContent, type IngestRow, storableSize } from './ingest-row.ts';

/** Everything but a message, and reactions and votes, which have tables of their own. */
export type ChangeEvent = Exclude<InboundEvent, MessageEvent | ReactionEvent | VoteEvent>;

const MEDIA_STEPS: Readonly<Record<MediaStatus, number>> = { pending: 0, failed: 1, gone: 2, stored: 3 };
const MEDIA_TYPES = new Set(['image', 'video', 'audio', 'voice', 'document', 'sticker']);

/** Applies a change to the row in place. */
export function applyChange(row: IngestRow, event: ChangeEvent): void {
  switch (event.kind) {
    case 'ack':
      applyAck(row, event.ack, new Date(event.at), event.reason);
      return;
    case 'edit':
      applyEdit(row, event);
      return;
    case 'revoke':
      row.revoked_at = later(row.revoked_at, new Date(event.at));
      return;
    case 'media':
      applyMedia(row, event);
      return;
    default:
      throw new TypeError(`Not a change: ${(event satisfies never as AckEvent).kind}`);
  }
}

/**
 * Applies a message that is known already: told again, read back, or the echo of what the sender wrote down before
 * handing it over. Its receipts carry no time of their own, so they count from `learnedAt`.
 */
export function applyMessage(row: IngestRow, event: MessageEvent, learnedAt: Date): void {
  row.whatsapp_message_id ??= keyToString(event.key);
  if (event.type === 'revoked') {
    row.revoked_at = later(row.revoked_at, new Date(event.at));
  } else if (row.type === 'revoked') {
    replaceStub(row, event);
  } else if (event.editedAt !== null && isNotOlder(event.editedAt, row.edited_at)) {
    row.text = event.text;
    row.caption = event.caption;
    row.edited_at = new Date(event.editedAt);
  }
  applyAck(row, event.ack, learnedAt, event.ackReason);
}

/**
 * The stub of a revoked message came before the message: what was said is kept beside the time of its revocation.
 * An edit or media that came in between still count.
 */
function replaceStub(row: IngestRow, event: MessageEvent): void {
  const { text, edited_at, media_status, media_sha256, mime_type, file_name, file_size } = row;
  Object.assign(row, eventToContent(event));
  row.edited_at = event.editedAt === null ? null : new Date(event.editedAt);
  if (edited_at !== null && text !== null) applyEdit(row, { text, at: edited_at.getTime() });
  if (media_status === null || media_status === 'pending') return;
  Object.assign(row, { media_status });
  if (media_status !== 'stored') return;
  Object.assign(row, { media_sha256, mime_type, file_size, file_name: file_name ?? row.file_name });
}

/** What an ack may change of a message, and what decides about it. */
export type AckColumns = Pick<IngestRow, (typeof ACK_COLUMNS)[number]>;

export const ACK_COLUMNS = [
  'direction',
  'status',
  'failed_code',
  'failed_reason',
  'sent_at',
  'delivered_at',
  'read_at',
  'played_at',
] as const satisfies readonly (keyof IngestRow)[];

/** Applies an ack, whoever tells it, to the columns in place. */
export function applyAck(row: AckColumns, ack: Ack, at: Date, reason: string | null): void {
  if (row.direction === 'incoming') {
    if (ack < 3) return;
    row.status = 'read';
    row.read_at = earlier(row.read_at, at);
    return;
  }
  const before = row.status;
  const position = { status: before as MessageStatus, sentAt: row.sent_at?.getTime() ?? null };
  row.status = statusAfterAck(position, ack, at.getTime());
  if (row.status !== before) {
    const failed = row.status === 'failed';
    row.failed_code = failed ? 'SEND_REFUSED' : null;
    row.failed_reason = failed ? (reason ?? ERROR_CATALOGUE.SEND_REFUSED.message) : null;
  }
  if (ack >= 1) row.sent_at = earlier(row.sent_at, at);
  if (ack >= 2) row.delivered_at = earlier(row.delivered_at, at);
  if (ack >= 3) row.read_at = earlier(row.read_at, at);
  if (ack >= 4) row.played_at = earlier(row.played_at, at);
}

function applyEdit(row: IngestRow, event: Pick<EditEvent, 'text' | 'at'>): void {
  if (!isNotOlder(event.at, row.edited_at)) return;
  // A kind that is not known by name may carry a file too.
  const isMedia = MEDIA_TYPES.has(row.type) || (row.type === 'other' && row.media_status !== null);
  if (isMedia) row.caption = event.text;
  else row.text = event.text;
  row.edited_at = new Date(event.at);
}

function applyMedia(row: IngestRow, { result }: MediaEvent): void {
  if (MEDIA_STEPS[result.status] < MEDIA_STEPS[(row.media_status ?? 'pending') as MediaStatus]) return;
  row.media_status = result.status;
  if (result.status !== 'stored') return;
  row.media_sha256 = result.sha256;
  row.mime_type = result.mimeType;
  row.file_size = storableSize(result.fileSize);
  row.file_name = result.fileName ?? row.file_name;
}

function isNotOlder(atMs: number, known: Date | null): boolean {
  return known === null || atMs >= known.getTime();
}

function earlier(known: Date | null, at: Date): Date {
  return known !== null && known <= at ? known : at;
}

function later(known: Date | null, at: Date): Date {
  return known !== null && known >= at ? known : at;
}
