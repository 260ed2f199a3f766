import type { Account, AccountStore, LinkedIdentity } from '../../accounts/account.ts';
import { REASONS, type ReasonCode } from '../../accounts/reason.ts';
import { afterFall, NO_ATTEMPT, pauseBeforeMs, type ReconnectView } from '../../accounts/reconnect.ts';
import type { SessionState } from '../../accounts/state.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import { waitMs } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { isAppError, toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ChannelListener, ConnectedSession, SessionStatus } from '../channel.ts';
import type { LaunchGate } from './launch-gate.ts';
import { type LifeEnd, type SessionClient, SessionLife } from './session-life.ts';
import type { ClientEvent } from './whatsapp-client.ts';

/** How long a write of state may wait for a database that is away before it is tried again. */
const STORE_RETRY_MS = 1_000;

export interface SessionDeps {
  readonly account: Account;
  readonly store: AccountStore;
  readonly listener: ChannelListener;
  readonly gate: LaunchGate;
  readonly clock: Clock;
  readonly log: Logger;
  readonly timings: SessionTimings;
  /** Makes a client of this account; it is opened and closed by the life that asked for it. */
  makeClient(onEvent: (event: ClientEvent) => void): SessionClient;
}

/** Why a session came to rest, or `stopped` if it was asked to. */
export type SessionRest = ReasonCode | 'stopped';

/**
 * One account's session: lives of a browser, one after another, with growing pauses between those that failed,
 * until it is stopped or comes to a reason that only a person can mend. It owns the account's state; nobody else
 * writes it while the session runs.
 */
export class Session {
  readonly #deps: SessionDeps;
  #life: SessionLife | undefined;
  #state: SessionState | undefined;
  #reconnect: ReconnectView = NO_ATTEMPT;
  #nextAt: number | null = null;
  #lastError: string | null = null;
  #linked: boolean;

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.#linked = deps.account.linked;
    this.#lastError = deps.account.lastError;
  }

  /** Runs until the signal aborts or a reason ends it; the browser is gone when it resolves. */
  async run(signal: AbortSignal): Promise<SessionRest> {
    try {
      return await this.#loop(signal);
    } catch (thrown) {
      if (signal.aborted) return 'stopped';
      throw thrown;
    }
  }

  async #loop(signal: AbortSignal): Promise<SessionRest> {
    while (!signal.aborted) {
      const end = await this.#live(signal);
      if (end.kind === 'stopped') break;
      this.#lastError = end.error.message;
      const { retry, state, text } = REASONS[end.reason];
      if (retry === 'never') {
        await this.#enter(state, end.reason, signal);
        return end.reason;
      }
      const { connectedMs } = end;
      this.#reconnect = afterFall(this.#reconnect, { retry, connectedMs }, this.#deps.timings.stableAfterMs);
      const delayMs = pauseBeforeMs(this.#reconnect);
      this.#deps.log.warn('The session fell and is started again', {
        reason: end.reason,
        // Not `text`: that name is redacted.
        explanation: text,
        error: end.error.message,
        attempt: this.#reconnect.attempt,
        delayMs,
      });
      await this.#enter('reconnecting', end.reason, signal);
      this.#nextAt = this.#deps.clock.now() + delayMs;
      await waitMs(delayMs, signal);
      this.#nextAt = null;
    }
    return 'stopped';
  }

  /** Ends the link on WhatsApp's side, if the page is up. */
  async logOut(): Promise<void> {
    await this.#life?.logOut();
  }

  /** The session's face for sending and reading, while it is connected. */
  findConnected(): ConnectedSession | undefined {
    return this.#life?.findConnected();
  }

  status(): SessionStatus {
    const identity = this.#life?.identity;
    const [user, server] = identity?.wid.split('@') ?? [];
    return {
      isClientActive: this.findConnected() !== undefined,
      clientInfo:
        user !== undefined && server !== undefined
          ? { wid: { user, server }, pushname: identity?.profileName ?? '' }
          : null,
      lastError: this.#lastError,
      reconnect: this.#state !== 'reconnecting' ? null : { ...this.#reconnect, nextAt: this.#nextAt },
    };
  }

  async #live(signal: AbortSignal): Promise<LifeEnd> {
    const { account, listener, clock, log, timings, makeClient } = this.#deps;
    await this.#enter('starting', null, signal);
    const leave = await this.#deps.gate.enter(signal);
    const overstayed = setTimeout(leave, timings.launchGateMs);
    this.#life = new SessionLife({
      account,
      listener,
      clock,
      log,
      timings,
      makeClient,
      isLinked: () => this.#linked,
      onSettled: leave,
      onPhase: (phase) => this.#enter(phase, null, signal),
      onQr: (text, expiresAt) =>
        this.#write('qr', signal, () =>
          this.#deps.store.saveQr(account.id, text === null ? null : { text, expiresAt }),
        ),
      onLinked: (identity) => this.#link(identity, signal),
    });
    try {
      return await this.#life.run(signal);
    } finally {
      clearTimeout(overstayed);
      leave();
      this.#life = undefined;
    }
  }

  async #link(identity: LinkedIdentity, signal: AbortSignal): Promise<void> {
    await this.#write('link', signal, () => this.#deps.store.saveLinked(this.#deps.account.id, identity));
    this.#linked = true;
    await this.#enter('connected', null, signal);
    this.#lastError = null;
  }

  /** The one place that changes the state: stored, announced and logged once. */
  async #enter(state: SessionState, reason: ReasonCode | null, signal: AbortSignal): Promise<void> {
    // While a session that was connected is being brought back, its way there is one state: reconnecting.
    const onTheWay = state === 'starting' || state === 'pairing' || state === 'syncing';
    if (onTheWay && this.#state === 'reconnecting') return;
    if (state === this.#state) return;
    this.#state = state;
    this.#deps.log.info('The session changed its state', { state, reason });
    const lastError = this.#lastError;
    await this.#write('state', signal, () =>
      this.#deps.store.saveState(this.#deps.account.id, {
        state,
        reason,
        ...(lastError === null || state === 'connected' ? {} : { lastError }),
      }),
    );
  }

  /** Writes to the store until it takes it: a database that is away must not end a session. */
  async #write(what: string, signal: AbortSignal, write: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await write();
        return;
      } catch (thrown) {
        if (isAppError(thrown, 'ALREADY_LINKED')) throw thrown;
        this.#deps.log.warn('The state of a session could not be stored and is tried again', {
          what,
          error: toError(thrown).message,
        });
        await waitMs(STORE_RETRY_MS, signal);
      }
    }
  }
}
