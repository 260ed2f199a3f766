/**
 * Accepts messages to be sent. The row is the truth: once it is committed the message will leave, whatever dies
 * afterwards, since the sender looks through the table whenever its account connects and whenever it is woken. A direct
 * wake-up, or a job where the account is not connected here, only makes it look sooner; neither is waited for.
 *
 * An Idempotency-Key is claimed in a statement of its own, so that a second request sees the first at work while
 * that one still fetches its media; the claim is completed in the transaction that writes the row. So a key has a
 * result exactly if its message exists; what dies in between leaves a claim that this instance's next request with the key
 * takes over, or any after a minute, and a request that is turned away gives its key back at once.
 *
 * The slot of the daily limit is taken in the transaction that writes the row, so that no more are accepted for a date than
 * its limit; a message that finds the day full is turned away, or kept as deferred if that is what was asked.
 */
import type { Account } from '../accounts/account.ts';
import {
  type AccountId,
  type InstanceId,
  type MessageId,
  makeMessageId,
  parseMessageId,
} from '../accounts/ids.ts';
import { lockCanonicalChat } from '../db/address-store.ts';
import { appendChanges, type MessageChange, rowToChange } from '../db/change-log.ts';
import type { Executor } from '../db/database.ts';
import {
  type AcceptedStatus,
  type ClaimResult,
  claimIdempotencyKey,
  completeIdempotencyClaim,
  type IdempotencyClaim,
  releaseIdempotencyClaim,
} from '../db/idempotency-store.ts';
import { cancelMessage } from '../db/message-cancel.ts';
import { insertOutgoing, type NewOutgoing } from '../db/outbox-store.ts';
import { findReferredMessage, isUnquotable, type MessageReference } from '../db/reply-store.ts';
import type { MessageRef } from '../db/send-result-store.ts';
import { findFullDay, takeSlot, takeSlotOrDefer } from '../db/slot-store.ts';
import { toStorable } from '../db/storable-text.ts';
import { transact } from '../db/transaction.ts';
import { countUsage } from '../db/usage-store.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, isAppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { fullDayToError } from '../limits/daily-limit.ts';
import type { OutboundJob } from '../queue/table.ts';
import type { MessageMeter } from './message-meter.ts';
import type { OnMessageStep } from './message-step.ts';
import { contentToStored, type TakenContent } from './outgoing-content.ts';
import type { MediaSource, SendRequest } from './send-request.ts';
import type { MediaKind, StoredMedia } from './stored-content.ts';
import { chatIdToPhoneNumber, parseKeyString } from './whatsapp-key.ts';

/**
 * Takes the bytes of an outgoing message in: when it resolves they lie under MEDIA_PATH, checked.
 * @throws AppError for whatever is wrong with them; nothing is kept then
 */
export type TakeMedia = (
  accountId: AccountId,
  source: MediaSource,
  wish: { readonly as: MediaKind | null; readonly fileName: string | null },
) => Promise<StoredMedia & { readonly as: MediaKind }>;

export interface AcceptOptions {
  readonly idempotencyKey: string | null;
  /** Tells requests with the same key apart; equal for equal bodies. */
  readonly requestHash: string;
  /** Throws if no new message may be accepted; one that was accepted before is answered all the same. */
  readonly checkNew?: () => void;
}

export interface Accepted {
  readonly messageId: MessageId;
  /** What the acceptance comes to, now and in replays; what became of the message since is in its row. */
  readonly status: AcceptedStatus;
  /** True if this is the stored result of an earlier request with the same key. */
  readonly replayed: boolean;
}

export interface Outbox {
  /**
   * Stores a message to be sent; when it resolves the message is safe.
   * @throws AppError VALIDATION_FAILED (replyTo), IDEMPOTENCY_IN_PROGRESS, IDEMPOTENCY_CONFLICT, DAILY_LIMIT_EXCEEDED, or
   * what `takeMedia` throws; nothing is stored then
   */
  accept(account: Account, request: SendRequest, options: AcceptOptions): Promise<Accepted>;

  /**
   * Ends a message that waits; whoever is next in line may have its place.
   * @throws AppError MESSAGE_NOT_CANCELLABLE if it was handed over or has ended
   */
  cancel(message: MessageRef): Promise<void>;

  /** Says that messages of an account may leave that could not before; returns at once. */
  wake(accountId: AccountId): void;
}

export interface OutboxDeps {
  readonly db: Executor;
  readonly instanceId: InstanceId;
  readonly takeMedia: TakeMedia;
  /** Wakes the sender of this daemon, if the account is connected here, and tells whether it is; returns at once. */
  readonly wake: (accountId: AccountId) => boolean;
  /** Wakes the daemon that holds the session elsewhere. May fail or hang while Redis is away. */
  readonly enqueue: (job: OutboundJob) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onStep?: OnMessageStep;
  readonly meter?: MessageMeter;
}

/** Makes the outbox. It holds nothing that needs closing. */
export function makeOutbox(deps: OutboxDeps): Outbox {
  /** How many requests are at work under each key of an account. */
  const atWork = new Map<string, number>();
  return {
    async accept(account, request, options) {
      const { idempotencyKey, requestHash, checkNew } = options;
      const acceptNew = async (claim?: IdempotencyClaim) => {
        checkNew?.();
        return counted(deps, acceptMessage(deps, account.id, request, claim));
      };
      if (idempotencyKey === null) return acceptNew();
      const name = `${account.id} ${idempotencyKey}`;
      const others = atWork.get(name) ?? 0;
      atWork.set(name, others + 1);
      try {
        const claimed = await claimIdempotencyKey(deps.db, {
          accountId: account.id,
          key: idempotencyKey,
          requestHash,
          instanceId: deps.instanceId,
          isAlone: others === 0,
        });
        return await answerClaim(deps, claimed, acceptNew);
      } finally {
        const left = (atWork.get(name) ?? 1) - 1;
        if (left === 0) atWork.delete(name);
        else atWork.set(name, left);
      }
    },

    async cancel(message) {
      const { clock, db } = deps;
      const isCancelled = await cancelMessage(db, message, new Date(clock.now()));
      if (!isCancelled) throw new AppError('MESSAGE_NOT_CANCELLABLE');
      deps.meter?.count('cancelled');
      wakeSender(deps, { accountId: message.accountId, messageId: message.id });
    },

    wake: (accountId) => void deps.wake(accountId),
  };
}

async function answerClaim(
  deps: OutboxDeps,
  claimed: ClaimResult,
  acceptNew: (claim: IdempotencyClaim) => Promise<Accepted>,
): Promise<Accepted> {
  switch (claimed.kind) {
    case 'claimed':
      deps.onStep?.('accept-claimed');
      return orReleased(deps, claimed.claim, () => acceptNew(claimed.claim));
    case 'stored':
      return { messageId: claimed.messageId, status: claimed.status, replayed: true };
    case 'in-progress':
      throw new AppError('IDEMPOTENCY_IN_PROGRESS');
    case 'other-request':
      throw new AppError('IDEMPOTENCY_CONFLICT');
    default:
      return claimed satisfies never;
  }
}

/** Gives the key back if nothing was accepted under it. */
async function orReleased(
  deps: OutboxDeps,
  claim: IdempotencyClaim,
  accept: () => Promise<Accepted>,
): Promise<Accepted> {
  try {
    return await accept();
  } catch (thrown) {
    await releaseIdempotencyClaim(deps.db, claim).catch((error: unknown) =>
      deps.log.warn('An idempotency key could not be given back', {
        accountId: claim.accountId,
        error: toError(error).message,
      }),
    );
    throw thrown;
  }
}

async function counted({ meter }: OutboxDeps, answer: Promise<Accepted>): Promise<Accepted> {
  try {
    const accepted = await answer;
    meter?.count('accepted');
    if (accepted.status === 'deferred') meter?.count('deferred');
    return accepted;
  } catch (thrown) {
    if (isAppError(thrown, 'DAILY_LIMIT_EXCEEDED')) meter?.count('refused');
    throw thrown;
  }
}

async function acceptMessage(
  deps: OutboxDeps,
  accountId: AccountId,
  request: SendRequest,
  claim?: IdempotencyClaim,
): Promise<Accepted> {
  const replyTo = request.replyTo === null ? null : await getReferred(deps.db, accountId, request);
  await refuseInVain(deps, accountId, request);
  const taken = await takeContent(deps, accountId, request.content);
  deps.onStep?.('content-kept');
  const given = contentToStored(taken);
  const content = toStorable(given);
  const failure = JSON.stringify(given) === JSON.stringify(content) ? null : UNSTORABLE;
  const { onLimit } = request;
  const answer = await transact(deps.db, async (trx) => {
    const chatId = await lockCanonicalChat(trx, accountId, request.to);
    const changes: MessageChange[] = [];
    const asked = { accountId, failure, onLimit, at: new Date(deps.clock.now()) };
    const place = await findPlace(trx, asked, changes);
    // The place is held until the end: what takes the next one has a later time, as it has a higher number.
    const at = new Date(deps.clock.now());
    const messageId = makeMessageId(at.getTime());
    const accepted = { messageId, status: place.status };
    if (claim !== undefined && !(await completeIdempotencyClaim(trx, claim, accepted))) {
      // It took longer than a claim lives, and another request with the key is ahead.
      throw new AppError('IDEMPOTENCY_IN_PROGRESS');
    }
    const message = { ...content, ...place, id: messageId, accountId, chatId, replyTo, failure, onLimit, at };
    await insertOutgoing(trx, message);
    if (failure !== null) await countUsage(trx, accountId, 'failed', at);
    const phone_number = chatIdToPhoneNumber(chatId);
    changes.push(rowToChange({ id: messageId, chat_id: chatId, phone_number }, 'message'));
    await appendChanges(trx, accountId, changes);
    return accepted;
  });
  deps.onStep?.('accept-committed');
  if (failure !== null) deps.meter?.count('failed');
  wakeSender(deps, { accountId, messageId: answer.messageId });
  deps.onStep?.('woken');
  return { ...answer, replayed: false };
}

/** Where the message stands in the account's daily limit; one that fails at once needs no place. */
async function findPlace(
  trx: Executor,
  message: Pick<NewOutgoing, 'accountId' | 'failure' | 'at'> & Pick<SendRequest, 'onLimit'>,
  changes: MessageChange[],
): Promise<{ readonly status: AcceptedStatus; readonly slotDate: string | null }> {
  const { accountId, failure, onLimit, at } = message;
  if (failure !== null) return { status: 'pending', slotDate: null };
  const take = onLimit === 'defer' ? takeSlotOrDefer : takeSlot;
  const slot = await take(trx, accountId, at, changes);
  if (slot.kind === 'taken') return { status: 'pending', slotDate: slot.date };
  if (onLimit === 'defer') return { status: 'deferred', slotDate: null };
  throw fullDayToError(slot, at);
}

/** Spares the fetching and keeping of a file whose message would be turned away. */
async function refuseInVain(
  { db, clock }: OutboxDeps,
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

function wakeSender({ wake, enqueue, log }: OutboxDeps, job: OutboundJob): void {
  if (wake(job.accountId)) return;
  enqueue(job).catch((thrown: unknown) =>
    log.warn('The wake-up for an accepted message could not be queued', {
      ...job,
      error: toError(thrown).message,
    }),
  );
}

async function takeContent(
  deps: OutboxDeps,
  accountId: AccountId,
  content: SendRequest['content'],
): Promise<TakenContent> {
  if (content.kind !== 'media') return content;
  const { as, fileName } = content;
  const { as: kind, ...media } = await deps.takeMedia(accountId, content.source, { as, fileName });
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
