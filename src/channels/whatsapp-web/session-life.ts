import type { Account, LinkCode, LinkedIdentity } from '../../accounts/account.ts';
import type { ReasonCode } from '../../accounts/reason.ts';
import type { SessionFact } from '../../accounts/session-machine.ts';
import { LeaseLostError } from '../../instances/lease.ts';
import { isAppError, toError } from '../../lib/errors.ts';
import { Wake } from '../../lib/wake.ts';
import type { InboundEvent } from '../../messages/inbound-event.ts';
import type { ChannelListener, ConnectedSession } from '../channel.ts';
import { ConnectedPage } from './connected-page.ts';
import { reportMissingHooks } from './library-hooks.ts';
import { type CheckDeps, LifeChecks } from './life-checks.ts';
import { type LifeView, nextWatchStep, type Phase, phaseOfSocket, type WatchStep } from './session-watch.ts';
import { socketMeaning } from './socket-state.ts';
import { Stability } from './stability.ts';
import type { ClientEvent, WhatsAppClient } from './whatsapp-client.ts';

type Ready = Extract<ClientEvent, { kind: 'ready' }>;

/** What the loop handles: what the client tells but messages, which go past it, and whether a link was stored. */
type SessionEvent =
  | Exclude<ClientEvent, { kind: 'events' | 'gap' }>
  | { readonly kind: 'linked'; readonly ready: Ready }
  | { readonly kind: 'link_failed'; readonly error: Error };

/** What a life does with its browser. */
export type SessionClient = Pick<
  WhatsAppClient,
  'open' | 'close' | 'probe' | 'checkLevel' | 'reconnectSocket' | 'refreshCode' | 'measureMemory' | 'logOut'
>;

/** What is held back of a page whose link is not accepted yet; the messages among it are read back later anyway. */
const MAX_HELD = 1_000;

/** How a life ended. `connectedMs` is how long it was connected on end, at the longest; null if it never was. */
export type LifeEnd = { readonly kind: 'stopped' } | Fall;

export interface Fall {
  readonly kind: 'fell';
  readonly reason: ReasonCode;
  readonly error: Error;
  readonly connectedMs: number | null;
}

export interface LifeDeps extends CheckDeps {
  readonly account: Account;
  readonly listener: ChannelListener;
  makeClient(onEvent: (event: ClientEvent) => void): SessionClient;
  isLinked(): boolean;
  /** What it means that the page of a linked account does not know its link. */
  missingLinkReason(): ReasonCode;
  /** Since when a phone is to be linked, over all lives; null once one is. */
  linkingSince(): number | null;
  /** Counts a code that is shown, over all lives; returns how many there were. */
  countCode(): number;
  /** The heavy part of the start is over: another browser may be launched. */
  onSettled(): void;
  /** The life is over; its browser is about to be closed. */
  onFall(end: Fall): void;
  /** Something happened that the state machine knows. */
  onFact(fact: SessionFact, reason: ReasonCode | null): void;
  /** A QR or pairing code is to be shown, or (null) no longer. */
  onCode(kind: 'qr' | 'code', code: LinkCode | null): void;
  /** @throws AppError ALREADY_LINKED */
  onLinked(identity: LinkedIdentity): Promise<void>;
}

/** What each phase is to the state machine; `ready`, `lost` and the end tell more than their phase. */
const FACT_OF_PHASE = {
  awaiting_scan: 'code-shown',
  passkey: 'passkey-asked',
  pairing: 'code-answered',
  syncing: 'link-up',
} as const satisfies Partial<Record<Phase, SessionFact>>;

/**
 * One life of a browser, from its launch until it is gone. The client's events and the answers of the page set facts and
 * wake the one loop, which does what they call for in their order and otherwise what the watchdog says. It never waits
 * for the page: a page that hangs must not keep the news of its own death from being heard.
 */
export class SessionLife {
  readonly #deps: LifeDeps;
  readonly #client: SessionClient;
  readonly #wake = new Wake();
  readonly #pending: SessionEvent[] = [];
  readonly #startedLinked: boolean;
  #view: LifeView;
  #fallen: { reason: ReasonCode; error: Error } | undefined;
  #connection: { session: ConnectedPage; scope: AbortController; identity: LinkedIdentity } | undefined;
  #connectedAt: number | null = null;
  readonly #stability = new Stability();
  readonly #checks: LifeChecks;
  /** What the document said that is ready, until it is gone. */
  #ready: Ready | undefined;
  #heardAt = 0;
  #held: InboundEvent[] = [];

  constructor(deps: LifeDeps) {
    this.#deps = deps;
    this.#client = deps.makeClient((event) => this.#receive(event));
    this.#startedLinked = deps.isLinked();
    this.#checks = new LifeChecks(deps, {
      client: this.#client,
      view: () => this.#view,
      see: (change) => this.#see(change),
      connectedAt: () => this.#connectedAt,
      wake: () => this.#wake.wake(),
      tellEnd: (reason, error) => this.#tellEnd(reason, error),
    });
    const now = deps.clock.monotonic();
    this.#view = {
      phase: 'starting',
      phaseSince: now,
      page: 'awaited',
      codeKind: 'qr',
      codeAt: now,
      codeAskedAt: now,
      codes: 0,
      offlineSince: null,
      unlinkedSince: null,
      linkingSince: deps.linkingSince(),
      answered: false,
      askedAt: now,
      measuredAt: now,
      memoryBytes: 0,
      settledBytes: null,
      sealedAt: now,
      copyAskedAt: now,
      idleSince: now,
    };
  }

  get identity(): LinkedIdentity | undefined {
    return this.#connection?.identity;
  }

  /** How long it was connected on end, of the stretches that have ended; null if there was none. */
  get connectedMs(): number | null {
    return this.#stability.longestMs;
  }

  findConnected(): ConnectedSession | undefined {
    return this.#connection?.session;
  }

  /**
   * Ends the link on WhatsApp's side; false if there is none yet, since a code waits. Whoever calls it stops the session
   * then.
   */
  async logOut(): Promise<boolean> {
    if (this.#view.phase === 'awaiting_scan' || this.#view.phase === 'passkey') return false;
    // What the page does on its way out is not looked after.
    this.#see({ phase: 'leaving' });
    await this.#client.logOut();
    return true;
  }

  /** Runs until the life is over; the browser and all of its processes are gone when it resolves. */
  async run(signal: AbortSignal): Promise<LifeEnd> {
    try {
      void this.#client.open().catch((thrown) => this.#tellEnd('launch_failed', toError(thrown)));
      while (!this.#fallen) await this.#turn(signal);
    } catch (thrown) {
      if (!signal.aborted) this.fall('launch_failed', toError(thrown));
    } finally {
      this.#disconnect();
      this.#clearCode();
    }
    const end = this.#end(signal);
    if (end.kind === 'fell') this.#deps.onFall(end);
    else this.#deps.onFact('stop-wanted', null);
    await this.#client.close({ isUnresponsive: end.kind === 'fell' && end.reason === 'page_unresponsive' });
    return end;
  }

  #end(signal: AbortSignal): LifeEnd {
    if (signal.aborted || !this.#fallen) return { kind: 'stopped' };
    // Whatever else there is to tell of the account is its new holder's business.
    if (this.#fallen.error instanceof LeaseLostError) return { kind: 'stopped' };
    this.#endStretch();
    return { kind: 'fell', ...this.#fallen, connectedMs: this.connectedMs };
  }

  /** Ends the life, unless something has ended it already. */
  fall(reason: ReasonCode, error: Error): void {
    if (this.#fallen) return;
    this.#fallen = { reason, error };
    this.#wake.wake();
  }

  #receive(event: ClientEvent | SessionEvent): void {
    if (event.kind === 'events') {
      this.#heardAt = this.#deps.clock.monotonic();
      // Straight on, in the page's order; nothing of a phone whose link may yet be refused.
      if (this.#connection) this.#deps.listener.onEvents(this.#deps.account.id, event.events);
      else if (this.#held.length < MAX_HELD) this.#held.push(...event.events);
      return;
    }
    if (event.kind === 'gap') {
      // A page that is not accepted yet is read back anyway once it is.
      if (this.#connection) this.#deps.listener.onGap?.(this.#deps.account.id);
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
    this.#see({ idleSince: this.#connection?.session.idleSince(this.#heardAt) ?? null });
    const step = nextWatchStep(this.#view, this.#deps.clock.monotonic(), this.#deps.timings);
    if (step.do === 'wait') await this.#wake.wait(signal, step.ms);
    else this.#watch(step);
  }

  #watch(step: Exclude<WatchStep, { do: 'wait' }>): void {
    switch (step.do) {
      case 'end':
        this.fall(step.reason, new Error(`The session was given up while ${this.#view.phase}.`));
        return;
      case 'miss-link':
        this.#missLink('WhatsApp Web knows no link and shows no code.');
        return;
      case 'refresh-code':
        this.#see({ codeAskedAt: this.#deps.clock.monotonic() });
        this.#checks.ask(this.#client.refreshCode());
        return;
      case 'check-level':
        this.#checks.ask(this.#client.checkLevel());
        return;
      case 'probe':
        this.#checks.ask(this.#client.probe().catch(() => this.#client.probe()));
        return;
      case 'measure':
        this.#checks.measure();
        return;
      case 'snapshot':
        this.#checks.snapshot();
        return;
      case 'copy':
        this.#checks.copy();
        return;
      case 'mend-line':
        this.#endStretch();
        this.#see({ phase: 'offline', phaseSince: this.#deps.clock.monotonic() });
        this.#deps.onFact('line-lost', 'connection_lost');
        void this.#client.reconnectSocket();
        return;
      default:
        step satisfies never;
    }
  }

  /** An end that takes its turn after what was told before it: a dead browser is the cause of an answer that fails. */
  #tellEnd(reason: ReasonCode, error: Error): void {
    this.#receive({ kind: 'ended', reason, error });
  }

  async #handle(event: SessionEvent, signal: AbortSignal): Promise<void> {
    switch (event.kind) {
      case 'qr':
        return this.#showCode('qr', event.text);
      case 'pairing_code':
        return this.#showCode('code', event.code);
      case 'passkey':
        // Asked for when a phone is linked; of an account that is, such a dialog is no reason to end the link.
        return this.#deps.isLinked() ? undefined : this.#enter('passkey');
      case 'document':
        return this.#hearDocument();
      case 'socket':
        return this.#hearSocket(event.state);
      case 'ready':
        return this.#link(event);
      case 'linked':
        return this.#connect(event.ready, signal);
      case 'link_failed':
        return this.#refuseLink(event.error);
      case 'lost':
        this.#ready = undefined;
        this.#endStretch();
        this.#disconnect();
        this.#see({ phase: 'syncing', phaseSince: this.#deps.clock.monotonic() });
        return this.#deps.onFact('document-lost', null);
      case 'logged_out':
        this.fall('logged_out', new Error(this.#logoutCause()));
        return;
      case 'ended':
        this.fall(event.reason, event.error);
        return;
      default:
        return event satisfies never;
    }
  }

  #showCode(kind: 'qr' | 'code', text: string): void {
    const { account, listener, clock, timings } = this.#deps;
    this.#deps.onSettled();
    if (this.#deps.isLinked()) {
      this.#missLink('WhatsApp Web asks for a new scan.');
      return;
    }
    const now = clock.monotonic();
    this.#see({ codeKind: kind, codeAt: now, codeAskedAt: now, codes: this.#deps.countCode() });
    this.#deps.onCode(kind, { text, expiresAt: new Date(clock.now() + timings.qrLifetimeMs) });
    if (kind === 'qr') listener.onQr?.(account, text);
    else listener.onPairingCode?.(account, text);
    this.#enter('awaiting_scan');
  }

  /** The link ended while nobody looked (fault F22), or the profile has lost it. */
  #missLink(message: string): void {
    this.fall(this.#deps.missingLinkReason(), new Error(message));
  }

  /** One that comes while a code is shown has to show another: it has the time of a start for that. */
  #hearDocument(): void {
    this.#see({ page: 'loaded' });
    if (this.#view.phase !== 'awaiting_scan') return;
    this.#see({ phase: 'starting', phaseSince: this.#deps.clock.monotonic() });
  }

  #hearSocket(state: string): void {
    this.#see({ page: 'running' });
    const meaning = socketMeaning(state);
    if (meaning.kind === 'ended') {
      this.fall(meaning.reason, new Error(`WhatsApp Web says ${state}.`));
      return;
    }
    const offline = meaning.kind !== 'connected';
    const unlinked = meaning.kind === 'unpaired' && this.#deps.isLinked();
    const now = this.#deps.clock.monotonic();
    const isBack = !offline && this.#view.offlineSince !== null;
    this.#see({
      offlineSince: offline ? (this.#view.offlineSince ?? now) : null,
      unlinkedSince: unlinked ? (this.#view.unlinkedSince ?? now) : null,
    });
    if (meaning.kind === 'unpaired' && this.#connection) {
      // Whether the link is gone shows at the next start: a code then means logged out (fault F21).
      this.fall('connection_lost', new Error(`WhatsApp Web says ${state}.`));
      return;
    }
    this.#enter(phaseOfSocket(this.#view.phase, meaning.kind));
    if (isBack && this.#connection) this.#deps.listener.onLineBack?.(this.#deps.account.id);
  }

  /** Stores who is linked, beside the loop: a database that is away must not keep it from hearing of its browser. */
  async #link(ready: Ready): Promise<void> {
    this.#deps.onSettled();
    const { phoneNumber } = ready.identity;
    const { expectedPhoneNumber: expected } = this.#deps.account;
    if (expected !== null && phoneNumber !== null && expected !== phoneNumber) {
      await this.#refuse('wrong_phone');
      return;
    }
    this.#ready = ready;
    void this.#deps.onLinked(ready.identity).then(
      () => this.#receive({ kind: 'linked', ready }),
      (thrown: unknown) => this.#receive({ kind: 'link_failed', error: toError(thrown) }),
    );
  }

  async #refuseLink(error: Error): Promise<void> {
    if (!isAppError(error, 'ALREADY_LINKED')) throw error;
    await this.#refuse('already_linked');
  }

  #connect(event: Ready, signal: AbortSignal): void {
    // The document that was ready may be gone by now.
    if (this.#ready !== event) return;
    const { account, listener, clock, timings } = this.#deps;
    const { identity } = event;
    this.#clearCode();
    const now = clock.monotonic();
    this.#connectedAt ??= now;
    this.#stability.begin(now);
    this.#see({ linkingSince: null, phase: 'connected', phaseSince: now, askedAt: now, offlineSince: null });
    // A new link exists nowhere else yet.
    if (!this.#deps.isSealed() && this.#view.sealedAt !== null)
      this.#see({ sealedAt: Number.NEGATIVE_INFINITY });
    // A document that is ready means the end of the one before it, also if nothing was heard of that.
    this.#disconnect();
    const scope = new AbortController();
    const connected = AbortSignal.any([scope.signal, signal]);
    const session = new ConnectedPage(account.id, event.page, { clock, timings, signal: connected });
    this.#connection = { session, scope, identity };
    if (this.#held.length > 0) listener.onEvents(account.id, this.#held);
    this.#held = [];
    listener.onConnected(session, connected);
    void reportMissingHooks(event.page, this.#deps.log);
  }

  /** An unlink soon after the link is rarely the user's (fact A8). */
  #logoutCause(): string {
    const { clock, timings } = this.#deps;
    const linkedHere = !this.#startedLinked && this.#connectedAt !== null;
    const isFresh = linkedHere && clock.monotonic() - (this.#connectedAt ?? 0) < timings.freshLinkMs;
    return isFresh
      ? "WhatsApp ended the link minutes after it was made; it does so if its What's-new dialog stays open."
      : 'WhatsApp ended the link.';
  }

  /** A phone that may not be linked here is unlinked again. */
  async #refuse(reason: ReasonCode): Promise<void> {
    this.#clearCode();
    await this.#client.logOut().catch((thrown) => {
      this.#deps.log.warn('A phone that was refused could not be logged out', {
        error: toError(thrown).message,
      });
    });
    this.fall(reason, new Error(`The link was refused: ${reason}.`));
  }

  #clearCode(): void {
    const { account, listener } = this.#deps;
    if (this.#view.codes === 0) return;
    this.#see({ codes: 0 });
    if (account.pairing === 'qr') listener.onQr?.(account, null);
    else listener.onPairingCode?.(account, null);
    this.#deps.onCode(account.pairing, null);
  }

  /** The phase that news of the page leads to. */
  #enter(phase: Phase): void {
    const before = this.#view.phase;
    if (phase === before) return;
    this.#see({ phase, phaseSince: this.#deps.clock.monotonic() });
    if (phase === 'pairing' || phase === 'syncing' || phase === 'passkey') this.#clearCode();
    if (phase === 'pairing') this.#see({ answered: true });
    if (phase === 'connected') {
      this.#stability.begin(this.#deps.clock.monotonic());
      this.#deps.onFact('line-back', null);
    } else if (phase in FACT_OF_PHASE) {
      const fact = FACT_OF_PHASE[phase as keyof typeof FACT_OF_PHASE];
      this.#deps.onFact(fact, phase === 'passkey' ? 'passkey' : null);
    }
  }

  /** A line that was down has counted until it went. */
  #endStretch(): void {
    this.#stability.end(this.#view.offlineSince ?? this.#deps.clock.monotonic());
  }

  #see(change: Partial<LifeView>): void {
    this.#view = { ...this.#view, ...change };
  }

  #disconnect(): void {
    this.#connection?.scope.abort(new Error('The session is no longer connected.'));
    this.#connection = undefined;
  }
}
