import { isDeepStrictEqual } from 'node:util';
import type { ConnectedSession } from '../channels/channel.ts';
import type { PacingConfig } from '../config/config.ts';
import type { Executor } from '../db/database.ts';
import { type LeaseFence, NO_FENCE } from '../db/lease-fence.ts';
import { findOpenSince, findToSend, listNextToSend, type OutgoingMessage } from '../db/outbox-store.ts';
import { listFirstOfLanes, PACE_WINDOW_MS, readPace, saveBreaker, saveCapping } from '../db/pace-store.ts';
import { type ClaimTerms, findRateDelay } from '../db/send-claim.ts';
import { orAborted } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Breaker } from '../limits/breaker.ts';
import { type Capping, cappingToRest, UNLIMITED } from '../limits/capping.ts';
import type { Lane } from '../limits/lane.ts';
import { chooseCandidate, isPaced, NO_PACING, type Pace } from '../limits/pace.ts';
import type { MessageMeter, SendLimit } from './message-meter.ts';
import { query } from './send-query.ts';

/** While messages to strangers rest the page is asked this often whether they still have to, in milliseconds. */
const RESTING_READ_MS = 5_000;
/** For so long a page that failed to tell is not asked again, in milliseconds: the answers must not wait for it. */
const RETRY_MS = 60_000;

/** A message to be sent, and the lane of its chat. */
export type LanedMessage = OutgoingMessage & { readonly lane: Lane };

export interface SendPaceDeps {
  readonly db: Executor;
  /** What is claimed, and what is written down of the pace, is written under the account's lease. */
  readonly fence?: LeaseFence;
  /** Messages a minute; 0 means no limit. */
  readonly messageRateLimit: number;
  /** Everything is switched off if it is not given. */
  readonly pacing?: PacingConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly meter?: MessageMeter;
}

/**
 * What there is to send, and whether it is known that nothing else may leave beside it; `delayMs` null means that nothing
 * waits for the clock.
 */
export type NextSend =
  | { readonly kind: 'send'; readonly message: LanedMessage; readonly isOnly: boolean }
  | { readonly kind: 'wait'; readonly delayMs: number | null };

/**
 * Chooses what an account sends next, within its limits and at its pace. The choice is a look ahead: what decides is the
 * claim (see `claimForSending`), under the same terms.
 */
export class SendPace {
  readonly #deps: SendPaceDeps;
  readonly #session: Pick<ConnectedSession, 'accountId' | 'readCapping'>;
  readonly #signal: AbortSignal;
  /** What the page last told of WhatsApp's capping, when it was last asked, and from when on it may be; monotonic. */
  #told: Capping | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #askFrom = Number.NEGATIVE_INFINITY;
  #openSince: Date | undefined;
  /** What holds the next message back, as far as it was counted. */
  #delayedBy: SendLimit | undefined;

  /** The signal ends whatever the page is being asked. */
  constructor(
    deps: SendPaceDeps,
    session: Pick<ConnectedSession, 'accountId' | 'readCapping'>,
    signal: AbortSignal,
  ) {
    this.#deps = deps;
    this.#session = session;
    this.#signal = signal;
  }

  /** True if what may leave next depends on what leaves now: a look ahead must see the claims of all looks before it. */
  get isPaced(): boolean {
    return isPaced(this.#deps.pacing ?? NO_PACING);
  }

  /** The terms of a claim now. */
  terms(): Required<ClaimTerms> {
    const { clock, messageRateLimit, pacing = NO_PACING } = this.#deps;
    return { at: new Date(clock.now()), perMinute: messageRateLimit, pacing, since: this.#openSince };
  }

  /** Finds out anew how far back what waits reaches, which the look ahead and the claim go by; now and then is enough. */
  async measureReach(): Promise<void> {
    const { db, clock } = this.#deps;
    const reach = { now: clock.now(), handedMs: PACE_WINDOW_MS };
    this.#openSince = await query(findOpenSince(db, this.#session.accountId, reach));
  }

  /**
   * The next message outside the chats that are blocked, or how long none may leave, if `unclaimed` others are about to be
   * claimed.
   */
  async findNext(blockedChats: readonly string[], unclaimed = 0): Promise<NextSend> {
    const { db, log } = this.#deps;
    const terms = this.terms();
    const next = isPaced(terms.pacing)
      ? await this.#chooseOfLanes(blockedChats, terms)
      : await this.#findFirst(blockedChats, terms);
    if (next.kind === 'wait') {
      if (next.delayMs !== null && next.delayMs > 0) this.#countDelay('pace');
      return next;
    }
    const delayMs = await query(findRateDelay(db, this.#session.accountId, terms, unclaimed));
    if (delayMs === 0) {
      this.#delayedBy = undefined;
      return next;
    }
    this.#countDelay('minute');
    log.debug('The per-minute limit delays the next message', { messageId: next.message.id, delayMs });
    return { kind: 'wait', delayMs };
  }

  /** Each wait once, however often it is looked at. */
  #countDelay(limit: SendLimit): void {
    if (this.#delayedBy !== limit) this.#deps.meter?.delayed(limit);
    this.#delayedBy = limit;
  }

  /** Everything is switched off: the order is that of acceptance, and only WhatsApp's own capping holds anything back. */
  async #findFirst(blockedChats: readonly string[], terms: Required<ClaimTerms>): Promise<NextSend> {
    const { db } = this.#deps;
    const { accountId } = this.#session;
    const find = () => query(listNextToSend(db, accountId, blockedChats, { ...terms, limit: 2 }));
    let found = await find();
    if (found.length === 0) {
      const restMs = await this.#findRest(terms);
      if (restMs === null) return { kind: 'wait', delayMs: null };
      if (!(await this.#askCapping(RESTING_READ_MS))) return { kind: 'wait', delayMs: restMs };
      found = await find();
    }
    const [message] = found;
    if (message !== undefined) return { kind: 'send', message, isOnly: found.length === 1 };
    return { kind: 'wait', delayMs: await this.#findRest(terms) };
  }

  /**
   * Asks the page whether somebody who never wrote may be written to, before each such message. If not, what the page told is
   * written down, and the next look ahead passes over strangers.
   */
  async mayLeave({ lane }: Pick<LanedMessage, 'lane'>): Promise<boolean> {
    if (lane !== 'stranger' || !(await this.#askCapping())) return true;
    return cappingToRest(this.#told ?? UNLIMITED, this.#deps.clock.now()) === null;
  }

  /** How long messages to strangers rest by WhatsApp's capping, in milliseconds; null if they do not. */
  async #findRest(terms: Required<ClaimTerms>): Promise<number | null> {
    const { pace } = await query(readPace(this.#deps.db, this.#session.accountId, terms));
    return pace.strangersRestUntil === null ? null : pace.strangersRestUntil - pace.now;
  }

  async #chooseOfLanes(blockedChats: readonly string[], terms: Required<ClaimTerms>): Promise<NextSend> {
    const { db, log } = this.#deps;
    const { accountId } = this.#session;
    const candidates = await query(listFirstOfLanes(db, accountId, { ...terms, blockedChats }));
    if (candidates.length === 0) return { kind: 'wait', delayMs: null };
    let choice = chooseCandidate(candidates, await this.#readPace(terms));
    const isResting = choice.kind === 'wait' && candidates.some(({ lane }) => lane === 'stranger');
    if (isResting && (await this.#askCapping(RESTING_READ_MS)))
      choice = chooseCandidate(candidates, await this.#readPace(terms));
    if (choice.kind === 'wait') {
      log.debug('The pace of the account delays the next message', { delayMs: choice.delayMs });
      return choice;
    }
    const { id, lane } = choice.message;
    const message = await query(findToSend(db, id));
    // Somebody was quicker: look again at once.
    if (message === undefined) return { kind: 'wait', delayMs: 0 };
    return { kind: 'send', message: { ...message, lane }, isOnly: false };
  }

  #written(at: Date) {
    const { fence = NO_FENCE } = this.#deps;
    return { at, fence };
  }

  async #readPace(terms: Required<ClaimTerms>): Promise<Pace> {
    const { db, log } = this.#deps;
    const { accountId } = this.#session;
    const { pace, breaker } = await query(readPace(db, accountId, terms));
    if (breaker !== undefined && isOther(breaker.before, breaker.after)) {
      await query(saveBreaker(db, accountId, breaker.after, this.#written(terms.at)));
      const { state, openedBy } = breaker.after;
      if (state === 'open') log.warn('Messages to strangers rest: the breaker has opened', { openedBy });
      else log.info('Messages to strangers leave again: the breaker has closed', {});
    }
    return pace;
  }

  /**
   * Asks the page for WhatsApp's capping, unless it was asked less than `pauseMs` ago. True if it told something else than
   * before, or if messages to strangers rest by what it told.
   */
  async #askCapping(pauseMs = 0): Promise<boolean> {
    const { db, clock, log } = this.#deps;
    const session = this.#session;
    const asked = clock.monotonic();
    if (session.readCapping === undefined || asked < Math.max(this.#askedAt + pauseMs, this.#askFrom))
      return false;
    this.#askedAt = asked;
    try {
      const capping = (await orAborted(session.readCapping(), this.#signal)) ?? UNLIMITED;
      const now = clock.now();
      if (isDeepStrictEqual(capping, this.#told) && cappingToRest(capping, now) === null) return false;
      await query(saveCapping(db, session.accountId, capping, this.#written(new Date(now))));
      this.#told = capping;
      return true;
    } catch (thrown) {
      this.#signal.throwIfAborted();
      this.#askFrom = clock.monotonic() + RETRY_MS;
      const error = toError(thrown).message;
      log.debug("WhatsApp's capping could not be read from the page", { error });
      return false;
    }
  }
}

function isOther(before: Breaker, after: Breaker): boolean {
  return before.state !== after.state || before.openedAt !== after.openedAt;
}
