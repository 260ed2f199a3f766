/**
 * The sender of one connected account: one message after another, in the order in which they were accepted.
 *
 * Each turn does the first of these that there is to do: search the table for handed messages without an outcome
 * (`sweep`), look one of them up in the page (`check`), hand over the next message (`sendNext`), wait.
 *
 * Why a SIGKILL at any point neither loses nor doubles a message. The row is pending from its acceptance on.
 * - Killed before the claim commits: no id is written down and the page was given nothing; the row is still first in
 *   line at the next connect, and gets another id.
 * - Killed after the claim, before the page took the message: the row bears its id and counts as handed. At the next
 *   connect the page does not know the id, and the message is handed over under the same one.
 * - Killed after the page took it, whether or not it left, before its ack was written: the page knows the id and
 *   its ack is adopted; or it forgot the message, which is handed over under the same id, and WhatsApp counts an id
 *   once.
 * - Killed after the ack was written: settled; later acks come as events.
 * The key stands in the key table before the page can tell of the message, so its echo never makes a second row.
 */
import type { AccountId, MessageId } from '../accounts/ids.ts';
import type { ConnectedSession, MessageGlimpse, PreparedSend } from '../channels/channel.ts';
import { type HandedMessage, listUnsettled, type OutgoingMessage } from '../db/outbox-store.ts';
import { findMessageKey } from '../db/reply-store.ts';
import { claimForSending } from '../db/send-claim.ts';
import {
  applyPageAck,
  findMessageStatus,
  markFailed,
  markNeverLeft,
  markUnknown,
} from '../db/send-result-store.ts';
import { orAborted } from '../lib/abort.ts';
import { backoffDelayMs } from '../lib/backoff.ts';
import { AppError, toError } from '../lib/errors.ts';
import type { Wake } from '../lib/wake.ts';
import type { OnMessageStep } from './message-step.ts';
import { storedToContent } from './outgoing-content.ts';
import { absenceToStep, findRefusal, GIVEN_UP, type SendFailure, UNCONFIRMED_MS } from './send-outcome.ts';
import { SendPace, type SendPaceDeps } from './send-pace.ts';
import { type Check, Unsettled } from './unsettled.ts';

export interface SendLoopDeps extends SendPaceDeps {
  /** Absolute path of stored media. */
  readonly mediaPath: (sha256: string) => string;
  /** How often each message was handed over by this daemon and not seen since; outlives connections. */
  readonly handovers: Map<MessageId, number>;
  /** Called when the count of what was sent today has changed; returns at once. */
  readonly onCounted?: (accountId: AccountId) => void;
  readonly onStep?: OnMessageStep;
}

/** One connection's loop. `run` once; it ends, without throwing, when the signal aborts. */
export class SendLoop {
  readonly #deps: SendLoopDeps;
  readonly #session: ConnectedSession;
  readonly #signal: AbortSignal;
  readonly #wake: Wake;
  readonly #pace: SendPace;
  readonly #unsettled = new Unsettled();
  /** When the table is searched next for messages without an outcome; monotonic, null if there can be none. */
  #sweepAt: number | null;
  /** True if the next search is for all of them: the connection is new, or the database failed in between. */
  #sweepAll = true;
  /** When the page last took a message that its server had not confirmed at once; monotonic. */
  #unconfirmedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: SendLoopDeps, session: ConnectedSession, control: { signal: AbortSignal; wake: Wake }) {
    this.#deps = deps;
    this.#session = session;
    this.#pace = new SendPace(deps, session, control.signal);
    this.#signal = control.signal;
    this.#wake = control.wake;
    this.#sweepAt = deps.clock.monotonic();
  }

  async run(): Promise<void> {
    let faults = 0;
    while (!this.#signal.aborted) {
      try {
        await this.#turn();
        faults = 0;
      } catch (thrown) {
        if (this.#signal.aborted) return;
        faults += 1;
        this.#sweepAll = true;
        this.#sweepAt = this.#now();
        await this.#rest(faults, toError(thrown));
      }
    }
  }

  async #turn(): Promise<void> {
    // One instant for the whole look: a chat whose pause ends between two would be in neither, and wait for ever.
    const now = this.#now();
    if (this.#sweepAt !== null && this.#sweepAt <= now) return this.#sweep();
    const check = this.#unsettled.findDue(now);
    if (check !== undefined) return this.#check(check);
    const next = await this.#pace.findNext(this.#unsettled.blockedChats(now));
    if (next.kind === 'send') return this.#sendNext(next.message);
    return this.#wait(now, next.delayMs ?? undefined);
  }

  /** Puts handed messages without an outcome on the list of checks. */
  async #sweep(): Promise<void> {
    const { db, clock } = this.#deps;
    const all = this.#sweepAll;
    const age = { now: clock.now(), minAgeMs: all ? 0 : UNCONFIRMED_MS };
    for (const message of await listUnsettled(db, this.#session.accountId, age)) {
      if (this.#unsettled.has(message.id)) continue;
      this.#unsettled.hold(message, { dueAt: this.#now(), freshPage: all });
    }
    const nextAt = this.#unconfirmedAt + UNCONFIRMED_MS;
    this.#sweepAll = false;
    this.#sweepAt = nextAt > this.#now() ? nextAt : null;
  }

  /** Looks a handed message up and does what follows from it. */
  async #check(check: Check): Promise<void> {
    const { message } = check;
    const status = await findMessageStatus(this.#deps.db, message.id);
    if (status !== 'pending' && status !== 'unknown') return this.#settle(message.id);
    let glimpse: MessageGlimpse | undefined;
    try {
      glimpse = await this.#ask(() => this.#session.findMessage(message.prepared));
    } catch (thrown) {
      this.#signal.throwIfAborted();
      this.#unsettled.postpone(check, this.#now());
      this.#deps.log.debug('A message could not be looked up in the page', {
        messageId: message.id,
        error: toError(thrown).message,
      });
      return;
    }
    if (glimpse !== undefined) return this.#adopt(message, glimpse, check);
    await this.#absent(check);
  }

  async #absent(check: Check): Promise<void> {
    const { message } = check;
    const now = this.#now();
    check.absentSince ??= now;
    const handovers = this.#deps.handovers.get(message.id) ?? 0;
    const absentForMs = now - check.absentSince;
    const step = absenceToStep({ freshPage: check.freshPage, absentForMs, handovers });
    check.freshPage = false;
    switch (step) {
      case 'wait':
        this.#unsettled.postpone(check, now);
        return;
      case 'hand-over':
        this.#deps.log.info('A message that the page does not know is handed over again under its id', {
          messageId: message.id,
        });
        return this.#handOver(message, { again: true });
      case 'give-up':
        await markUnknown(this.#deps.db, message.id, GIVEN_UP);
        this.#settle(message.id);
        this.#deps.log.error('A message was given up: whether it left is not known', {
          messageId: message.id,
        });
        return;
      default:
        return step satisfies never;
    }
  }

  async #sendNext(message: OutgoingMessage): Promise<void> {
    try {
      const prepared = await this.#prepare(message);
      if (prepared === undefined) return;
      this.#deps.onStep?.('prepared');
      this.#unsettled.learnAlias(message.chatId, prepared.chatId);
      if (this.#unsettled.isHeld(prepared.chatId)) return;
      const claim = await claimForSending(this.#deps.db, message, prepared, this.#pace.terms());
      // The chat turned out to be another one than was thought: it must not come straight back.
      if (claim.kind === 'paced') this.#unsettled.pause(message.chatId, this.#now());
      if (claim.kind !== 'claimed') return;
      this.#deps.onStep?.('claim-committed');
      this.#deps.onCounted?.(message.accountId);
      this.#unsettled.resume(message.chatId);
      await this.#handOver({ ...message, chatId: prepared.chatId, prepared }, { again: false });
    } catch (thrown) {
      // Whatever it is, it must not come straight back and keep the other chats from their turn.
      this.#unsettled.pause(message.chatId, this.#now());
      throw thrown;
    }
  }

  /** The message's id and chat; undefined if there are none now or never. */
  async #prepare(message: OutgoingMessage): Promise<PreparedSend | undefined> {
    try {
      return await this.#ask(() => this.#session.prepareSend(message.chatId));
    } catch (thrown) {
      this.#signal.throwIfAborted();
      const error = toError(thrown);
      const refusal = findRefusal(error);
      if (refusal !== undefined) {
        await this.#fail(message, refusal, markNeverLeft);
        return undefined;
      }
      this.#unsettled.pause(message.chatId, this.#now());
      this.#deps.log.warn('A recipient could not be resolved and is tried again', {
        messageId: message.id,
        error: error.message,
      });
      return undefined;
    }
  }

  /** Gives a claimed message to the page. It is on the list of checks for as long as its outcome is open. */
  async #handOver(message: HandedMessage, { again }: { readonly again: boolean }): Promise<void> {
    const { db, handovers, mediaPath, onStep } = this.#deps;
    this.#unsettled.hold(message, { dueAt: this.#now(), freshPage: false });
    let glimpse: MessageGlimpse;
    try {
      const content = storedToContent(message, mediaPath);
      const quoted = await this.#findQuoted(message);
      handovers.set(message.id, (handovers.get(message.id) ?? 0) + 1);
      glimpse = await this.#ask(() => {
        const sent = this.#session.send(message.prepared, content, quoted);
        onStep?.('handed');
        return sent;
      });
      onStep?.('page-took');
    } catch (thrown) {
      this.#signal.throwIfAborted();
      const error = toError(thrown);
      const refusal = findRefusal(error);
      // What was handed over before may have left then.
      if (refusal !== undefined) return this.#fail(message, refusal, again ? markFailed : markNeverLeft);
      this.#deps.log.warn('Whether a message left is not known yet', {
        messageId: message.id,
        error: error.message,
      });
      return markUnknown(db, message.id);
    }
    await this.#adopt(message, glimpse);
  }

  async #findQuoted(message: HandedMessage) {
    if (message.replyTo === null) return {};
    const quoted = await findMessageKey(this.#deps.db, message.accountId, message.replyTo);
    if (quoted !== undefined) return { quoted };
    throw new AppError('SEND_REFUSED', { message: 'The message that this one answers was never sent.' });
  }

  /** Writes an ack down that the page showed. Without one from the server, the message is looked at again later. */
  async #adopt(message: HandedMessage, glimpse: MessageGlimpse, check?: Check): Promise<void> {
    const { ack } = glimpse;
    const now = this.#now();
    await applyPageAck(this.#deps.db, message, glimpse, new Date(this.#deps.clock.now()));
    this.#deps.onStep?.('ack-written');
    this.#deps.handovers.delete(message.id);
    if (ack === 0 && check !== undefined) return this.#unsettled.watch(check, now);
    this.#unsettled.settle(message.id);
    if (ack !== 0) return;
    this.#unconfirmedAt = now;
    this.#sweepAt ??= now + UNCONFIRMED_MS;
  }

  async #fail(message: OutgoingMessage, failure: SendFailure, mark: typeof markFailed): Promise<void> {
    await mark(this.#deps.db, message, { ...failure, at: new Date(this.#deps.clock.now()) });
    this.#deps.onCounted?.(message.accountId);
    this.#settle(message.id);
    this.#unsettled.resume(message.chatId);
    this.#deps.log.info('A message cannot be sent', { messageId: message.id, code: failure.code });
  }

  #settle(id: MessageId): void {
    this.#unsettled.settle(id);
    this.#deps.handovers.delete(id);
  }

  /** Waits for a wake-up, or for the next thing that falls due after the look at `lookedAt`, at most `atMostMs`. */
  async #wait(lookedAt: number, atMostMs = Number.POSITIVE_INFINITY): Promise<void> {
    const dueAt = Math.min(
      this.#unsettled.nextDueAt(lookedAt) ?? Number.POSITIVE_INFINITY,
      this.#sweepAt ?? Number.POSITIVE_INFINITY,
    );
    const ms = Math.min(atMostMs, Math.max(0, dueAt - this.#now()));
    await this.#wake.wait(this.#signal, Number.isFinite(ms) ? Math.ceil(ms) : undefined);
  }

  /** Rests after a fault that is not a message's own: as a rule the database is away. */
  async #rest(faults: number, error: Error): Promise<void> {
    const delayMs = backoffDelayMs(faults + 1);
    this.#deps.log.warn('The sender rests after a fault', { delayMs, error: error.message });
    await this.#wake.wait(this.#signal, delayMs).catch(() => this.#signal.aborted);
  }

  /** A session's answer, or the end of the connection. A late answer is not missed: the next connect looks. */
  #ask<T>(question: () => Promise<T>): Promise<T> {
    this.#signal.throwIfAborted();
    return orAborted(question(), this.#signal);
  }

  #now(): number {
    return this.#deps.clock.monotonic();
  }
}
