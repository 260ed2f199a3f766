import type { AccountId, InstanceId, MessageId } from '../accounts/ids.ts';
import type { ConnectedSession } from '../channels/channel.ts';
import type { Executor } from '../db/database.ts';
import { type HandedMessage, listHandedAt, nextClaimEpoch, type SendClaim } from '../db/outbox-store.ts';
import { orAborted, withDeadline } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import { KeyedSerial } from '../lib/keyed-serial.ts';
import type { Logger } from '../lib/logger.ts';
import { RATE_WINDOW_MS, rateDelayMs } from '../limits/rate.ts';
import type { OnMessageStep } from './message-step.ts';
import { SweepTimes } from './sweep-times.ts';
import { Unsettled } from './unsettled.ts';

/** How long the database may take to answer the sender before it counts as away; milliseconds. */
const QUERY_DEADLINE_MS = 15_000;

export interface SendDeps {
  readonly db: Executor;
  /** Absolute path of stored media. */
  readonly mediaPath: (sha256: string) => string;
  readonly instanceId: InstanceId;
  readonly clock: Clock;
  readonly log: Logger;
  /** Messages a minute; 0 means no limit. */
  readonly messageRateLimit: number;
  /** Called when a message was counted as sent today; returns at once. */
  readonly onCounted?: (accountId: AccountId) => void;
  readonly onStep?: OnMessageStep;
  /** Between two searches of the table for what nobody told the sender of; milliseconds. */
  readonly sweepIntervalMs?: number;
}

export interface SendRunOptions {
  readonly session: ConnectedSession;
  /** Aborts when the connection is over. */
  readonly signal: AbortSignal;
  /** How often each message was handed over by this daemon and not seen since; outlives connections. */
  readonly handovers: Map<MessageId, number>;
}

/** What the parts of one connection's sender share: whom they ask, and what they keep in mind. */
export class SendRun {
  readonly deps: SendDeps;
  readonly session: ConnectedSession;
  readonly signal: AbortSignal;
  readonly handovers: Map<MessageId, number>;
  readonly unsettled = new Unsettled();
  readonly sweeps: SweepTimes;
  readonly #claims = new KeyedSerial<'claim'>();
  #epoch: number | undefined;
  /** Messages that this run may have claimed, and certainly did not give to the page. */
  readonly #withheld = new Set<MessageId>();

  constructor(deps: SendDeps, { session, signal, handovers }: SendRunOptions) {
    this.deps = deps;
    this.session = session;
    this.signal = signal;
    this.handovers = handovers;
    this.sweeps = new SweepTimes(deps.clock.monotonic(), deps.sweepIntervalMs);
  }

  /** Gets itself its number, which tells its claims from those of every other run. Call it before anything else. */
  async begin(): Promise<void> {
    this.#epoch ??= await this.query(nextClaimEpoch(this.deps.db));
  }

  now(): number {
    return this.deps.clock.monotonic();
  }

  date(): Date {
    return new Date(this.deps.clock.now());
  }

  /** A session's answer, or the end of the connection. A late answer is not missed: the next connect looks. */
  ask<T>(question: () => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    return orAborted(question(), this.signal);
  }

  /** @throws AppError UNAVAILABLE if the database does not answer in time; and what it throws */
  async query<T>(work: Promise<T>): Promise<T> {
    try {
      return await withDeadline(work, QUERY_DEADLINE_MS, 'The database');
    } catch (thrown) {
      if (!isAppError(thrown, 'SESSION_DEADLINE')) throw thrown;
      throw new AppError('UNAVAILABLE', { message: thrown.message, cause: thrown });
    }
  }

  /**
   * Claims a message by `write`, one at a time, so that limits are exact; undefined if it is not to be had. What comes of a
   * claim that fails is not known, only that the page was not given the message.
   */
  claim(id: MessageId, write: (claim: SendClaim) => Promise<boolean>): Promise<SendClaim | undefined> {
    return this.#claims.run('claim', async () => {
      this.signal.throwIfAborted();
      const claim = this.#makeClaim();
      this.#withheld.add(id);
      const isClaimed = await this.query(write(claim));
      this.#withheld.delete(id);
      return isClaimed ? claim : undefined;
    });
  }

  #makeClaim(): SendClaim {
    if (this.#epoch === undefined) throw new Error('The sender has not begun.');
    return { instanceId: this.deps.instanceId, epoch: this.#epoch, at: this.date() };
  }

  /** True if this page may have been given the message. */
  isGivenHere({ id, claim }: HandedMessage): boolean {
    return claim.epoch === this.#epoch && !this.#withheld.has(id);
  }

  /** Forgets a message whose outcome is known. */
  settle(id: MessageId): void {
    this.unsettled.settle(id);
    this.handovers.delete(id);
    this.#withheld.delete(id);
  }

  /** How long the next message has to wait for its turn in the minute, if `more` others are about to go. */
  async rateDelayMs(more = 0): Promise<number> {
    const { db, clock, messageRateLimit } = this.deps;
    if (messageRateLimit === 0) return 0;
    const since = new Date(clock.now() - RATE_WINDOW_MS);
    const range = { since, limit: messageRateLimit };
    const handedAt = await this.query(listHandedAt(db, this.session.accountId, range));
    const now = clock.now();
    return rateDelayMs([...handedAt, ...Array<number>(more).fill(now)], now, messageRateLimit);
  }
}
