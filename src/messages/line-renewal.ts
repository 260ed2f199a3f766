import type { ConnectedSession } from '../channels/channel.ts';
import type { HandedMessage } from '../db/outbox-store.ts';
import { orAborted } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { isAppError, toError } from '../lib/errors.ts';
import { ageMs } from '../lib/instant-age.ts';
import type { Logger } from '../lib/logger.ts';
import { RENEWED_LOOK_MS, UNCONFIRMED_MS, watchDelayMs } from './send-outcome.ts';

/** So many look-ups without an answer between them speak against the line. */
const UNANSWERED = 2;

/**
 * The line of one connection's page, judged by what the server confirms and answers: a socket that is half dead says that it
 * is connected, takes messages and carries nothing, and whoever has to be looked up first is never found (fault F36).
 */
export class LineRenewal {
  readonly #session: Pick<ConnectedSession, 'renewLine'>;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** When the line was made, by both clocks; what was handed over since has gone over it. */
  #made: { readonly at: number; readonly monotonic: number };
  /** Look-ups over this line that were not answered in time, since the last one that was, and whom they were for. */
  #unanswered = 0;
  readonly #unfound = new Set<string>();
  /** This line has answered. */
  #isProven = false;
  /** Lines that were made for want of answers, since one of those was found who had not been. */
  #vain = 0;
  readonly #lost = new Set<string>();

  constructor(session: Pick<ConnectedSession, 'renewLine'>, clock: Clock, log: Logger) {
    this.#session = session;
    this.#clock = clock;
    this.#log = log;
    this.#made = readClock(clock);
  }

  /**
   * Has the page make its line anew if the server's word on a message that the page holds is overdue, and the line is the
   * one over which it went: once a message at most, however many are overdue with it, and once more if the clock was set back
   * and has come to its hand-over again. True if the line is new, so that the word may come soon.
   */
  async renewFor({ id, claim }: Pick<HandedMessage, 'id' | 'claim'>, signal: AbortSignal): Promise<boolean> {
    const lineAge = this.#clock.monotonic() - this.#made.monotonic;
    const handedAt = claim.at.getTime();
    const age = this.#ageOf(handedAt, lineAge);
    // By the wall clock alone all would be earlier that was handed over after it was set back.
    const isEarlier = handedAt < this.#made.at && age > lineAge;
    if (isEarlier || age === Number.POSITIVE_INFINITY) return lineAge < RENEWED_LOOK_MS;
    if (this.#session.renewLine === undefined || age < UNCONFIRMED_MS) return false;
    this.#log.warn('The server confirms nothing: the page makes its line anew', { messageId: id });
    await this.#renew(this.#session.renewLine(), signal);
    return true;
  }

  /**
   * Looks a recipient up, and has the page make its line anew if several look-ups in turn were not answered in time, of several
   * recipients if the line has answered at all: each time after a longer while, as it may be due to those recipients alone.
   * @throws as the look-up does, and the end of the connection
   */
  async watch<T>(recipient: string, lookUp: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const askedAt = this.#clock.monotonic();
    try {
      const found = await lookUp();
      this.#hearAnswer(recipient);
      return found;
    } catch (thrown) {
      if (isAppError(thrown, 'NOT_ON_WHATSAPP')) this.#hearAnswer(recipient);
      if (isAppError(thrown, 'SESSION_DEADLINE')) await this.#miss(recipient, askedAt, signal);
      throw thrown;
    }
  }

  #hearAnswer(recipient: string): void {
    this.#forgetMisses();
    this.#isProven = true;
    // The page answers for chats that it has without a word of the server.
    if (this.#lost.delete(recipient)) this.#vain = 0;
  }

  #forgetMisses(): void {
    this.#unanswered = 0;
    this.#unfound.clear();
  }

  async #miss(recipient: string, askedAt: number, signal: AbortSignal): Promise<void> {
    const madeAt = this.#made.monotonic;
    // One that was asked over the line before tells nothing of this one.
    if (askedAt < madeAt) return;
    this.#unanswered += 1;
    this.#unfound.add(recipient);
    this.#lost.add(recipient);
    const isDoubtful = this.#unanswered >= UNANSWERED && (this.#unfound.size > 1 || !this.#isProven);
    const isDue = this.#clock.monotonic() - madeAt >= watchDelayMs(this.#vain + 1);
    if (this.#session.renewLine === undefined || !isDoubtful || !isDue) return;
    this.#vain += 1;
    this.#log.warn('No look-up of a recipient is answered: the page makes its line anew', {});
    await this.#renew(this.#session.renewLine(), signal);
  }

  async #renew(renewing: Promise<void>, signal: AbortSignal): Promise<void> {
    this.#made = readClock(this.#clock);
    this.#forgetMisses();
    this.#isProven = false;
    try {
      await orAborted(renewing, signal);
    } catch (thrown) {
      signal.throwIfAborted();
      this.#log.warn('The page did not make its line anew', { error: toError(thrown).message });
    }
  }

  /**
   * How long ago a message was handed over. If that was before the clock was set back, it is told by the clock as the line was
   * made; Infinity if the line is of the time after.
   */
  #ageOf(handedAt: number, lineAge: number): number {
    const age = ageMs(handedAt, this.#clock.now(), UNCONFIRMED_MS);
    const byThen = this.#made.at + lineAge - handedAt;
    return age === Number.POSITIVE_INFINITY && byThen >= 0 ? byThen : age;
  }
}

function readClock(clock: Clock) {
  return { at: clock.now(), monotonic: clock.monotonic() };
}
