/**
 * The acceptance of outgoing messages, in two halves. Preparing one checks what it refers to and keeps its file, outside of any
 * transaction. Writing gives messages their slots of the daily limit and their rows in one transaction, to which whoever
 * accepts adds what must be true exactly if the messages exist.
 */
import { type AccountId, type MessageId, makeMessageId, parseMessageId } from '../accounts/ids.ts';
import { lockCanonicalChats } from '../db/address-store.ts';
import { appendChanges, type MessageChange, rowToChange } from '../db/change-log.ts';
import type { Executor } from '../db/database.ts';
import type { AcceptedStatus } from '../db/idempotency-store.ts';
import { insertOutgoings, type NewOutgoing } from '../db/new-outgoing.ts';
import { findReferredMessage, isUnquotable, type MessageReference } from '../db/reply-store.ts';
import { takeSlots } from '../db/slot-portion.ts';
import { findFullDay, takeSlot, takeSlotOrDefer } from '../db/slot-store.ts';
import { toStorable } from '../db/storable-text.ts';
import { countUsage } from '../db/usage-store.ts';
import { orAborted } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import { fullDayToError } from '../limits/daily-limit.ts';
import type { MessageMeter } from './message-meter.ts';
import { contentToStored, type TakenContent } from './outgoing-content.ts';
import type { MediaSource, SendRequest } from './send-request.ts';
import type { MediaKind, StoredContent, StoredMedia } from './stored-content.ts';
import { chatIdToPhoneNumber, parseKeyString } from './whatsapp-key.ts';

/**
 * Takes the bytes of an outgoing message in: when it resolves they lie in the media store, checked.
 * @throws AppError for whatever is wrong with them; nothing is kept then
 */
export type TakeMedia = (
  accountId: AccountId,
  source: MediaSource,
  wish: {
    readonly as: MediaKind | null;
    readonly fileName: string | null;
    readonly signal?: AbortSignal;
  },
) => Promise<StoredMedia & { readonly as: MediaKind }>;

export interface AcceptanceDeps {
  readonly db: Executor;
  readonly takeMedia: TakeMedia;
  readonly clock: Clock;
  readonly meter?: MessageMeter;
}

/** A message that may be written. */
export interface PreparedMessage extends Pick<SendRequest, 'to' | 'onLimit'> {
  readonly replyTo: MessageId | null;
  readonly content: StoredContent;
  /** Set if it is known already that it cannot be sent. */
  readonly failure: NewOutgoing['failure'];
}

/** What became of a message that was to be written: `at` is its timestamp. */
export type Written =
  | {
      readonly kind: 'written';
      readonly messageId: MessageId;
      readonly status: AcceptedStatus;
      readonly at: Date;
    }
  | { readonly kind: 'refused'; readonly error: AppError };

/**
 * Checks what a message refers to and takes its file in.
 * @throws AppError VALIDATION_FAILED (replyTo), DAILY_LIMIT_EXCEEDED, what `takeMedia` throws, or the signal's reason: a file
 * that is being kept by then is kept, and not waited for
 */
export async function prepareMessage(
  deps: AcceptanceDeps,
  accountId: AccountId,
  request: SendRequest,
  signal: AbortSignal,
): Promise<PreparedMessage> {
  const { to, onLimit } = request;
  const replyTo = request.replyTo === null ? null : await getReferred(deps.db, accountId, request);
  await refuseInVain(deps, accountId, request);
  const given = contentToStored(await takeContent(deps, accountId, request.content, signal));
  const content = toStorable(given);
  const failure = JSON.stringify(given) === JSON.stringify(content) ? null : UNSTORABLE;
  return { to, onLimit, replyTo, content, failure };
}

/**
 * Writes messages in their order, as far as the daily limit has room; nothing of those that it refuses. Of what a transaction
 * does to messages and days this is the last.
 */
export async function writeMessages(
  trx: Executor,
  accountId: AccountId,
  messages: readonly PreparedMessage[],
  clock: Clock,
): Promise<readonly Written[]> {
  const chats = await lockCanonicalChats(
    trx,
    accountId,
    messages.map(({ to }) => to),
  );
  const changes: MessageChange[] = [];
  const askedAt = new Date(clock.now());
  const find = messages.length === 1 ? findPlace : findPlaces;
  const places = await find(trx, { accountId, messages, at: askedAt }, changes);
  // The places are held until the end: what takes the next ones has a later time, as it has a higher number.
  const at = new Date(clock.now());
  const rows: NewOutgoing[] = [];
  const written = messages.map((message, nth): Written => {
    const place = places[nth] ?? { status: 'pending', slotDate: null };
    if (place instanceof AppError) return { kind: 'refused', error: place };
    const id = makeMessageId(at.getTime());
    const { to, content, replyTo, failure, onLimit } = message;
    const chatId = chats.get(to) ?? to;
    rows.push({ ...content, ...place, id, accountId, chatId, replyTo, failure, onLimit, at });
    return { kind: 'written', messageId: id, status: place.status, at };
  });
  await insertOutgoings(trx, rows);
  const failed = rows.filter(({ failure }) => failure !== null).length;
  if (failed > 0) await countUsage(trx, accountId, 'failed', at, failed);
  for (const { id, chatId } of rows) {
    const phone_number = chatIdToPhoneNumber(chatId);
    changes.push(rowToChange({ id, chat_id: chatId, phone_number }, 'message'));
  }
  await appendChanges(trx, accountId, changes);
  return written;
}

/** Counts a message that was accepted, once that is committed. */
export function countAccepted(
  { meter }: Pick<AcceptanceDeps, 'meter'>,
  { failure }: Pick<PreparedMessage, 'failure'>,
  status: AcceptedStatus,
): void {
  meter?.count('accepted');
  if (status === 'deferred') meter?.count('deferred');
  if (failure !== null) meter?.count('failed');
}

/** Counts a message that was turned away, if its day was full. */
export function countRefused({ meter }: Pick<AcceptanceDeps, 'meter'>, reason: unknown): void {
  if (isAppError(reason, 'DAILY_LIMIT_EXCEEDED')) meter?.count('refused');
}

interface Asking {
  readonly accountId: AccountId;
  readonly messages: readonly PreparedMessage[];
  readonly at: Date;
}

/** Where a message stands in the account's daily limit, or why it stands nowhere. */
type Place = { readonly status: AcceptedStatus; readonly slotDate: string | null } | AppError;

/** One that fails at once needs no place. */
const NO_PLACE: Place = { status: 'pending', slotDate: null };
const DEFERRED: Place = { status: 'deferred', slotDate: null };

/** The place of a single message: a statement of its own takes its slot. */
async function findPlace(
  trx: Executor,
  { accountId, messages, at }: Asking,
  changes: MessageChange[],
): Promise<readonly Place[]> {
  const [message] = messages;
  if (message === undefined) return [];
  if (message.failure !== null) return [NO_PLACE];
  const take = message.onLimit === 'defer' ? takeSlotOrDefer : takeSlot;
  const slot = await take(trx, accountId, at, changes);
  if (slot.kind === 'taken') return [{ status: 'pending', slotDate: slot.date }];
  return [message.onLimit === 'defer' ? DEFERRED : fullDayToError(slot, at)];
}

/** The places of several: the first have slots for as long as there are any. */
async function findPlaces(
  trx: Executor,
  { accountId, messages, at }: Asking,
  changes: MessageChange[],
): Promise<readonly Place[]> {
  const asking = messages.filter(({ failure }) => failure === null);
  if (asking.length === 0) return messages.map(() => NO_PLACE);
  const mayDefer = asking.some(({ onLimit }) => onLimit === 'defer');
  const portion = await takeSlots(trx, accountId, { count: asking.length, mayDefer, at }, changes);
  let left = portion.taken;
  let deferred = 0;
  const places = messages.map(({ failure, onLimit }): Place => {
    if (failure !== null) return NO_PLACE;
    left -= 1;
    if (left >= 0) return { status: 'pending', slotDate: portion.date };
    if (onLimit === 'reject') return fullDayToError(portion.day, at);
    deferred += 1;
    return DEFERRED;
  });
  if (deferred > 0) await countUsage(trx, accountId, 'deferred', at, deferred);
  return places;
}

/** Spares the fetching and keeping of a file whose message would be turned away. */
async function refuseInVain(
  { db, clock }: AcceptanceDeps,
  accountId: AccountId,
  { content, onLimit }: SendRequest,
): Promise<void> {
  if (content.kind !== 'media' || onLimit === 'defer') return;
  const at = new Date(clock.now());
  const full = await findFullDay(db, accountId, at);
  if (full !== undefined) throw fullDayToError(full, at);
}

/** Neither PostgreSQL nor WhatsApp's wire can carry such text; the row keeps it with U+FFFD in its place. */
const UNSTORABLE = {
  code: 'SEND_REFUSED',
  reason: 'The message holds a NUL character or half of a surrogate pair, which WhatsApp cannot carry.',
} as const;

async function takeContent(
  deps: AcceptanceDeps,
  accountId: AccountId,
  content: SendRequest['content'],
  signal: AbortSignal,
): Promise<TakenContent> {
  if (content.kind !== 'media') return content;
  const { as, fileName } = content;
  const taking = deps.takeMedia(accountId, content.source, { as, fileName, signal });
  const { as: kind, ...media } = await orAborted(taking, signal);
  const stored: StoredMedia = {
    sha256: media.sha256,
    mimeType: media.mimeType,
    fileName: media.fileName,
    fileSize: media.fileSize,
  };
  return { kind: 'media', caption: content.caption, as: kind, stored };
}

async function getReferred(db: Executor, accountId: AccountId, request: SendRequest): Promise<MessageId> {
  const { to } = request;
  const reference = toReference(toStorable(request.replyTo ?? ''), to);
  const found = await findReferredMessage(db, accountId, reference);
  if (found === undefined) throw replyError('There is no such message in this account.');
  if (await isUnquotable(db, accountId, { id: found, inChat: to })) throw replyError(UNSENT);
  return found;
}

const UNSENT =
  'The message has not been sent. Before it is, it can be answered in its own chat alone, if it still waits.';

function replyError(message: string): AppError {
  return new AppError('VALIDATION_FAILED', { details: [{ field: 'replyTo', message }] });
}

/** Our id, WhatsApp's serialised key, or else its bare id. */
function toReference(replyTo: string, chatId: string): MessageReference {
  const key = parseKeyString(replyTo);
  if (key !== undefined) return { by: 'bareId', bareId: key.bareId, chatIds: [key.chatId, chatId] };
  const id = findMessageId(replyTo);
  if (id !== undefined) return { by: 'id', id };
  return { by: 'bareId', bareId: replyTo, chatIds: [chatId] };
}

function findMessageId(text: string): MessageId | undefined {
  try {
    return parseMessageId(text);
  } catch (thrown) {
    if (isAppError(thrown, 'MESSAGE_NOT_FOUND')) return undefined;
    throw thrown;
  }
}
