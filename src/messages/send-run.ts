import type { AccountId, InstanceId, MessageId } from '../accounts/ids.ts';
import type { ConnectedSession } from '../channels/channel.ts';
import { type LeaseFence, NO_FENCE } from '../db/lease-fence.ts';
import type { HandedMessage, OutgoingMessage } from '../db/outbox-store.ts';
import { nextClaimEpoch, type SendClaim } from '../db/send-claim.ts';
import { orAborted } from '../lib/abort.ts';
import { KeyedSerial } from '../lib/keyed-serial.ts';
import { LineRenewal } from './line-renewal.ts';
import type { MediaStore } from './media-store.ts';
import type { OnMessageStep } from './message-step.ts';
import { openReadyContent, type ReadyContent } from './ready-content.ts';
import { mayOpen, type SendFailure } from './send-outcome.ts';
import { SendPace, type SendPaceDeps } from './send-pace.ts';
import { query } from './send-query.ts';
import { SweepTimes } from './sweep-times.ts';
import { Unsettled } from './unsettled.ts';

export interface SendDeps extends SendPaceDeps {
  readonly openMedia: MediaStore['openLocal'];
  readonly instanceId: InstanceId;
  /** Called when the count of what was sent today has changed; returns at once. */
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
  readonly pace: SendPace;
  readonly unsettled = new Unsettled();
  readonly sweeps: SweepTimes;
  readonly line: LineRenewal;
  readonly #claims = new KeyedSerial<'claim'>();
  #epoch: number | undefined;
  /** Messages that this run may have claimed, and that the page certainly does not have by it. */
  readonly #withheld = new Set<MessageId>();
  /** Messages for which the page has opened no chat: since when, and how often it was asked. */
  readonly #unopened = new Map<MessageId, { readonly since: number; readonly tries: number }>();

  constructor(deps: SendDeps, { session, signal, handovers }: SendRunOptions) {
    this.deps = deps;
    this.session = session;
    this.signal = signal;
    this.handovers = handovers;
    this.pace = new SendPace(deps, session, signal);
    this.line = new LineRenewal(session, deps.clock, deps.log);
    this.sweeps = new SweepTimes(deps.clock.monotonic(), deps.sweepIntervalMs);
  }

  /** Gets itself its number, which tells its claims from those of every other run. Call it before anything else. */
  async begin(): Promise<void> {
    this.#epoch ??= await this.query(nextClaimEpoch(this.deps.db));
  }

  /** What all that it writes passes. */
  get fence(): LeaseFence {
    return this.deps.fence ?? NO_FENCE;
  }

  now(): number {
    return this.deps.clock.monotonic();
  }

  date(): Date {
    return new Date(this.deps.clock.now());
  }

  /** What a message carries, ready to be sent. @throws as openReadyContent does, or the end of the connection */
  async ready(message: OutgoingMessage): Promise<ReadyContent> {
    this.signal.throwIfAborted();
    return openReadyContent(message, this.deps.openMedia, this.signal);
  }

  /** A session's answer, or the end of the connection. A late answer is not missed: the next connect looks. */
  ask<T>(question: () => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    return orAborted(question(), this.signal);
  }

  /** @throws AppError UNAVAILABLE if the database does not answer in time; and what it throws */
  query<T>(work: Promise<T>): Promise<T> {
    return query(work);
  }

  /**
   * Claims a message by `write`, which tells what comes of it; one at a time, as the account's claims are anyway, so that
   * they do not hold the database's connections while they wait for each other. What comes of a claim that fails is not
   * known, only that the page was not given the message, nor is it by one that succeeds: see `give`.
   */
  claim<Outcome extends { readonly kind: string }>(
    id: MessageId,
    write: (claim: SendClaim) => Promise<Outcome>,
  ): Promise<{ readonly claim: SendClaim; readonly outcome: Outcome }> {
    return this.#claims.run('claim', async () => {
      this.signal.throwIfAborted();
      const claim = this.#makeClaim();
      const mayBeClaimed = this.#withheld.has(id);
      this.#withheld.add(id);
      const outcome = await this.query(write(claim));
      if (outcome.kind !== 'claimed' && !mayBeClaimed) this.#withheld.delete(id);
      return { claim, outcome };
    });
  }

  /** The page was asked once more for the chat of a message, and refused to open one; true if it may open it yet. */
  mayOpen(id: MessageId, refusal: SendFailure): boolean {
    const now = this.now();
    const { since, tries } = this.#unopened.get(id) ?? { since: now, tries: 0 };
    this.#unopened.set(id, { since, tries: tries + 1 });
    return mayOpen(refusal, tries + 1, now - since);
  }

  /** The page is given the message in this very moment. */
  give(id: MessageId): void {
    this.#unopened.delete(id);
    this.#withheld.delete(id);
    this.handovers.set(id, (this.handovers.get(id) ?? 0) + 1);
  }

  /** The page was given the message, and would not have it: nothing of it left. */
  refuse(id: MessageId): void {
    this.#withheld.add(id);
  }

  /** The page was not given the message after all: nothing of it left. */
  takeBack(id: MessageId): void {
    this.#withheld.add(id);
    this.handovers.set(id, Math.max(0, (this.handovers.get(id) ?? 0) - 1));
  }

  #makeClaim(): SendClaim {
    if (this.#epoch === undefined) throw new Error('The sender has not begun.');
    const under = this.fence.condition(this.session.accountId);
    return { ...this.pace.terms(), instanceId: this.deps.instanceId, epoch: this.#epoch, under };
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
    this.#unopened.delete(id);
  }
}
