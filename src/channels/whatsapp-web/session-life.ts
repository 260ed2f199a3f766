import type { Account, LinkedIdentity } from '../../accounts/account.ts';
import type { ReasonCode } from '../../accounts/reason.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import type { Clock } from '../../lib/clock.ts';
import { isAppError, toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { Wake } from '../../lib/wake.ts';
import type { InboundEvent } from '../../messages/inbound-event.ts';
import type { ChannelListener, ConnectedSession } from '../channel.ts';
import { ConnectedPage } from './connected-page.ts';
import { type LifeView, nextWatchStep, type Phase, phaseOfSocket, type WatchStep } from './session-watch.ts';
import { socketMeaning } from './socket-state.ts';
import type { ClientEvent, WhatsAppClient } from './whatsapp-client.ts';

/** What the loop handles; messages go past it. */
type SessionEvent = Exclude<ClientEvent, { kind: 'events' }>;

/** What a life does with its browser. */
export type SessionClient = Pick<
  WhatsAppClient,
  'open' | 'close' | 'probe' | 'checkLevel' | 'refreshQr' | 'logOut'
>;

/** What is held back of a page whose link is not accepted yet; the messages among it are read back later anyway. */
const MAX_HELD = 1_000;

/** How a life ended. `connectedMs` is how long it was connected, null if it never was. */
export type LifeEnd =
  | { readonly kind: 'stopped' }
  | {
      readonly kind: 'fell';
      readonly reason: ReasonCode;
      readonly error: Error;
      readonly connectedMs: number | null;
    };

export interface LifeDeps {
  readonly account: Account;
  readonly listener: ChannelListener;
  readonly clock: Clock;
  readonly log: Logger;
  readonly timings: SessionTimings;
  makeClient(onEvent: (event: ClientEvent) => void): SessionClient;
  isLinked(): boolean;
  /** The heavy part of the start is over: another browser may be launched. */
  onSettled(): void;
  onPhase(phase: Exclude<Phase, 'connected'>): Promise<void>;
  onQr(text: string | null, expiresAt: Date): Promise<void>;
  /** @throws AppError ALREADY_LINKED */
  onLinked(identity: LinkedIdentity): Promise<void>;
}

/**
 * One life of a browser, from its launch until it is gone. The client's events set facts and wake the one loop,
 * which does what they call for in their order and otherwise what the watchdog says.
 */
export class SessionLife {
  readonly #deps: LifeDeps;
  readonly #client: SessionClient;
  readonly #wake = new Wake();
  readonly #pending: SessionEvent[] = [];
  #view: LifeView;
  #fallen: { reason: ReasonCode; error: Error } | undefined;
  #connection: { session: ConnectedSession; scope: AbortController; identity: LinkedIdentity } | undefined;
  #connectedAt: number | null = null;
  #held: InboundEvent[] = [];

  constructor(deps: LifeDeps) {
    this.#deps = deps;
    this.#client = deps.makeClient((event) => this.#receive(event));
    const now = deps.clock.monotonic();
    this.#view = {
      phase: 'starting',
      phaseSince: now,
      qrAt: now,
      qrCodes: 0,
      offlineSince: null,
      unlinkedSince: null,
      probedAt: now,
    };
  }

  get identity(): LinkedIdentity | undefined {
    return this.#connection?.identity;
  }

  findConnected(): ConnectedSession | undefined {
    return this.#connection?.session;
  }

  /** Ends the link on WhatsApp's side; there is none yet while a QR code waits. */
  async logOut(): Promise<void> {
    if (this.#view.phase !== 'awaiting_scan') await this.#client.logOut();
  }

  /** Runs until the life is over; the browser and all of its processes are gone when it resolves. */
  async run(signal: AbortSignal): Promise<LifeEnd> {
    try {
      void this.#client.open().catch((thrown) => this.#fall('launch_failed', toError(thrown)));
      while (!this.#fallen) await this.#turn(signal);
    } catch (thrown) {
      if (!signal.aborted) this.#fall('launch_failed', toError(thrown));
    } finally {
      this.#disconnect();
      await this.#client.close();
    }
    if (signal.aborted || !this.#fallen) return { kind: 'stopped' };
    const connectedMs = this.#connectedAt === null ? null : this.#deps.clock.monotonic() - this.#connectedAt;
    return { kind: 'fell', ...this.#fallen, connectedMs };
  }

  #receive(event: ClientEvent): void {
    if (event.kind === 'events') {
      // Straight on, in the page's order; nothing of a phone whose link may yet be refused.
      if (this.#connection) this.#deps.listener.onEvents(this.#deps.account.id, event.events);
      else if (this.#held.length < MAX_HELD) this.#held.push(...event.events);
      return;
    }
    this.#pending.push(event);
    this.#wake.wake();
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const event = this.#pending.shift();
    if (event) {
      await this.#handle(event, signal);
      return;
    }
    const step = nextWatchStep(this.#view, this.#deps.clock.monotonic(), this.#deps.timings);
    if (step.do === 'wait') await this.#wake.wait(signal, step.ms);
    else await this.#watch(step);
  }

  async #watch(step: Exclude<WatchStep, { do: 'wait' }>): Promise<void> {
    switch (step.do) {
      case 'end':
        this.#fall(step.reason, new Error(`The session was given up while ${this.#view.phase}.`));
        return;
      case 'refresh-qr':
        this.#see({ qrAt: this.#deps.clock.monotonic() });
        await this.#client.refreshQr().catch((thrown) => this.#fall('page_unresponsive', toError(thrown)));
        return;
      case 'check-level':
        await this.#client.checkLevel();
        this.#see({ probedAt: this.#deps.clock.monotonic() });
        return;
      case 'probe':
        await this.#client.probe().catch((thrown) => this.#fall('page_unresponsive', toError(thrown)));
        this.#see({ probedAt: this.#deps.clock.monotonic() });
        return;
      default:
        step satisfies never;
    }
  }

  async #handle(event: SessionEvent, signal: AbortSignal): Promise<void> {
    switch (event.kind) {
      case 'qr':
        return this.#showQr(event.text);
      case 'socket':
        return this.#hearSocket(event.state);
      case 'ready':
        return this.#connect(event, signal);
      case 'lost':
        this.#disconnect();
        return this.#enter('syncing');
      case 'logged_out':
        this.#fall('logged_out', new Error(this.#logoutCause()));
        return;
      case 'ended':
        this.#fall(event.reason, event.error);
        return;
      default:
        return event satisfies never;
    }
  }

  async #showQr(text: string): Promise<void> {
    this.#deps.onSettled();
    if (this.#deps.isLinked()) {
      // A page that asks a linked account for a scan has lost its link while nobody looked (fault F22).
      this.#fall('logged_out', new Error('WhatsApp Web asks for a new scan.'));
      return;
    }
    this.#see({ qrAt: this.#deps.clock.monotonic(), qrCodes: this.#view.qrCodes + 1 });
    await this.#deps.onQr(text, new Date(this.#deps.clock.now() + this.#deps.timings.qrLifetimeMs));
    this.#deps.listener.onQr?.(this.#deps.account, text);
    await this.#enter('awaiting_scan');
  }

  async #hearSocket(state: string): Promise<void> {
    const meaning = socketMeaning(state);
    if (meaning.kind === 'ended') {
      this.#fall(meaning.reason, new Error(`WhatsApp Web says ${state}.`));
      return;
    }
    const offline = meaning.kind !== 'connected';
    const unlinked = meaning.kind === 'unpaired' && this.#deps.isLinked();
    const now = this.#deps.clock.monotonic();
    this.#see({
      offlineSince: offline ? (this.#view.offlineSince ?? now) : null,
      unlinkedSince: unlinked ? (this.#view.unlinkedSince ?? now) : null,
    });
    if (meaning.kind === 'unpaired' && this.#view.phase === 'connected') {
      // Whether the link is gone shows at the next start: a QR then means logged out (fault F21).
      this.#fall('connection_lost', new Error(`WhatsApp Web says ${state}.`));
      return;
    }
    const phase = phaseOfSocket(this.#view.phase, meaning.kind);
    if (phase === 'pairing' || (phase === 'syncing' && this.#view.phase === 'awaiting_scan'))
      await this.#clearQr();
    if (phase !== 'connected') await this.#enter(phase);
  }

  async #connect(event: Extract<ClientEvent, { kind: 'ready' }>, signal: AbortSignal): Promise<void> {
    const { account, listener, clock } = this.#deps;
    this.#deps.onSettled();
    const { identity } = event;
    const { expectedPhoneNumber: expected } = account;
    if (expected !== null && identity.phoneNumber !== null && expected !== identity.phoneNumber) {
      await this.#refuse('wrong_phone');
      return;
    }
    try {
      await this.#deps.onLinked(identity);
    } catch (thrown) {
      if (!isAppError(thrown, 'ALREADY_LINKED')) throw thrown;
      await this.#refuse('already_linked');
      return;
    }
    await this.#clearQr();
    const now = clock.monotonic();
    this.#connectedAt ??= now;
    this.#see({ phase: 'connected', phaseSince: now, probedAt: now, offlineSince: null });
    const session = new ConnectedPage(account.id, event.page, { clock, timings: this.#deps.timings });
    const scope = new AbortController();
    this.#connection = { session, scope, identity };
    if (this.#held.length > 0) listener.onEvents(account.id, this.#held);
    this.#held = [];
    listener.onConnected(session, AbortSignal.any([scope.signal, signal]));
  }

  /** An unlink soon after the link is rarely the user's (fact A8). */
  #logoutCause(): string {
    const { clock, timings } = this.#deps;
    const linkedHere = this.#view.qrCodes > 0 && this.#connectedAt !== null;
    const isFresh = linkedHere && clock.monotonic() - (this.#connectedAt ?? 0) < timings.freshLinkMs;
    return isFresh
      ? "WhatsApp ended the link minutes after it was made; it does so if its What's-new dialog stays open."
      : 'WhatsApp ended the link.';
  }

  /** A phone that may not be linked here is unlinked again. */
  async #refuse(reason: ReasonCode): Promise<void> {
    await this.#clearQr();
    await this.#client.logOut().catch((thrown) => {
      this.#deps.log.warn('A phone that was refused could not be logged out', {
        error: toError(thrown).message,
      });
    });
    this.#fall(reason, new Error(`The link was refused: ${reason}.`));
  }

  async #clearQr(): Promise<void> {
    if (this.#view.qrCodes === 0) return;
    await this.#deps.onQr(null, new Date(0));
    this.#deps.listener.onQr?.(this.#deps.account, null);
  }

  async #enter(phase: Exclude<Phase, 'connected'>): Promise<void> {
    if (phase === this.#view.phase) return;
    this.#see({ phase, phaseSince: this.#deps.clock.monotonic() });
    await this.#deps.onPhase(phase);
  }

  #see(change: Partial<LifeView>): void {
    this.#view = { ...this.#view, ...change };
  }

  #disconnect(): void {
    this.#connection?.scope.abort(new Error('The session is no longer connected.'));
    this.#connection = undefined;
  }

  #fall(reason: ReasonCode, error: Error): void {
    if (this.#fallen) return;
    this.#fallen = { reason, error };
    this.#wake.wake();
  }
}
