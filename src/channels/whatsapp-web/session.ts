import type { Account, AccountStore, LinkedIdentity, SessionAlert } from '../../accounts/account.ts';
import { alertText } from '../../accounts/alert-text.ts';
import type { InstanceId } from '../../accounts/ids.ts';
import { REASONS, type ReasonCode } from '../../accounts/reason.ts';
import {
  afterFall,
  isFlapping,
  isInTrouble,
  NO_ATTEMPT,
  pauseBeforeMs,
  type ReconnectView,
} from '../../accounts/reconnect.ts';
import { nextState, SESSION_FACTS, type SessionFact } from '../../accounts/session-machine.ts';
import type { SessionState } from '../../accounts/state.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import { LeaseLostError } from '../../instances/lease.ts';
import { orAborted, waitMs, withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { isAppError, toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { AwaitedGenerationError } from '../../vault/absent-generation.ts';
import type { ChannelListener, ConnectedSession, SessionStatus } from '../channel.ts';
import type { LaunchGate } from './launch-gate.ts';
import type { SessionProfile } from './profile-keeper.ts';
import type { TakenFrom } from './profile-opening.ts';
import { SessionJournal, type Write } from './session-journal.ts';
import { type Fall, type LifeEnd, type SessionClient, SessionLife } from './session-life.ts';
import { runInSession } from './session-scope.ts';
import type { ClientEvent } from './whatsapp-client.ts';

/** By how much an attempt may come late without a line in the log, in milliseconds: nobody would notice. */
const UNNOTICED_MS = 100;

export interface SessionDeps {
  readonly account: Account;
  readonly instanceId: InstanceId;
  readonly store: AccountStore;
  readonly listener: ChannelListener;
  readonly gate: LaunchGate;
  readonly clock: Clock;
  readonly log: Logger;
  readonly timings: SessionTimings;
  readonly profile: SessionProfile;
  /** Makes a client of this account, which is linked or not by now; the life that asked for it opens and closes it. */
  makeClient(onEvent: (event: ClientEvent) => void, linked: boolean): SessionClient;
}

/** How a session ended: a reason to rest, `stopped` if it was asked to or has no lease any more, `moved` if another instance holds the account. */
export type SessionEnd = ReasonCode | 'stopped' | 'moved';

/**
 * One account's session: lives of a browser, one after another, with growing pauses between those that failed,
 * until it is stopped or comes to a reason that only a person can mend. What it is in is one state of the table in
 * `accounts/session-machine.ts`, which only `#learn` and `#rest` change; nobody else writes it while the session runs.
 */
export class Session {
  readonly #deps: SessionDeps;
  readonly #journal: SessionJournal;
  readonly #signal: AbortSignal;
  #life: SessionLife | undefined;
  /** The opening of the profile, while it is under way. */
  #opening: Promise<TakenFrom> | undefined;
  /** The profile is as the vault had it: no page has been connected with it since. */
  #isAsSealed = false;
  #state: SessionState;
  #reconnect: ReconnectView = NO_ATTEMPT;
  /** When the next attempt is due: of the clock that people read, and of the one that never jumps. */
  #nextAt: number | null = null;
  #dueAt = 0;
  /** Codes that were shown since the last link. */
  #codes = 0;
  #lastError: string | null;
  #linked: boolean;
  /** The number that is stored for the account; E.164, null while none is. */
  #phoneNumber: string | null;
  /** Since when a phone is to be linked, of the clock that never jumps. */
  readonly #since: number;
  /** A phone has answered a code, or there was a link already. */
  #mayBeLinked: boolean;

  /** The signal asks it to stop. */
  constructor(deps: SessionDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    this.#journal = new SessionJournal(deps.log, signal);
    this.#state = deps.account.state;
    this.#since = deps.clock.monotonic();
    this.#linked = deps.account.linked;
    this.#phoneNumber = deps.account.phoneNumber;
    this.#mayBeLinked = deps.account.linked;
    this.#lastError = deps.account.lastError;
  }

  /**
   * Runs until it is asked to stop, has lost its lease or a reason ends it, which is stored then if it can be; the browser is gone when it
   * resolves.
   */
  async run(): Promise<SessionEnd> {
    try {
      const end = await this.#loop();
      if (end === 'stopped') this.#learn('stop-wanted', null);
      return end;
    } finally {
      await Promise.all([this.#journal.flush(), this.#endOpening()]);
    }
  }

  /** Whoever comes next finds the profile at rest, unless its disk stands still. */
  async #endOpening(): Promise<void> {
    if (this.#opening === undefined) return;
    const { profileEndMs } = this.#deps.timings;
    await withDeadline(this.#opening, profileEndMs, 'Ending the opening of the profile').catch(
      () => undefined,
    );
  }

  async #loop(): Promise<SessionEnd> {
    try {
      for (;;) {
        this.#signal.throwIfAborted();
        const end = await this.#live();
        if (end.kind === 'stopped') return 'stopped';
        const { reason } = end;
        if (REASONS[reason].retry === 'never') return await this.#comeToRest(reason);
        await this.#pause();
      }
    } catch (thrown) {
      if (this.#signal.aborted) return 'stopped';
      throw thrown;
    }
  }

  /** The pause began when the life was over, not when its browser was closed, which may have taken longer. */
  async #pause(): Promise<void> {
    const { clock, log } = this.#deps;
    const leftMs = this.#dueAt - clock.monotonic();
    if (-leftMs >= UNNOTICED_MS)
      log.info('The session waited for its browser to close', { waitedMs: Math.round(-leftMs) });
    await waitMs(Math.max(0, leftMs), this.#signal);
    this.#nextAt = null;
  }

  async #comeToRest(reason: ReasonCode): Promise<SessionEnd> {
    if (reason === 'replaced' && (await this.#isHeldElsewhere())) return 'moved';
    this.#rest(reason);
    // That of a passkey was raised while there was time to approve it.
    if (REASONS[reason].state === 'needs_human' && reason !== 'passkey') this.#alert('needs_human', reason);
    return reason;
  }

  /** Ends the link on WhatsApp's side; false if there is no page that could, or no link yet. */
  async logOut(): Promise<boolean> {
    return (await this.#life?.logOut()) ?? false;
  }

  /** False if no phone can have been linked to the profile. */
  get mayBeLinked(): boolean {
    return this.#mayBeLinked;
  }

  /** The profile is still being opened: whatever is done to it has its turn behind that. */
  get isOpening(): boolean {
    return this.#opening !== undefined;
  }

  /** Ends this life of the browser; the session goes on with the next one. */
  recycle(reason: ReasonCode, error: Error): void {
    this.#life?.fall(reason, error);
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

  async #live(): Promise<LifeEnd> {
    const { timings, log, profile, account } = this.#deps;
    const leave = await this.#enterGate();
    const overstayed = setTimeout(leave, timings.launchGateMs);
    try {
      const unopened = await this.#openProfile();
      if (unopened) return unopened;
      const life = this.#makeLife(leave);
      this.#life = life;
      const onStray = (error: Error) => life.fall('library_fault', error);
      const end = await runInSession({ log, onStray }, () => life.run(this.#signal));
      // Before anybody seals it: the next life opens the vault.
      if (end.kind === 'fell' && end.reason === 'link_doubted') await profile.discard(account.id);
      return end;
    } catch (thrown) {
      return this.#endOf('launch_failed', thrown);
    } finally {
      clearTimeout(overstayed);
      leave();
      this.#life = undefined;
    }
  }

  /**
   * Why there can be no life of a browser, or nothing if there can. An opening that takes too long goes on, and the next
   * attempt waits for the same one: whatever is done to the profile afterwards has its turn behind it.
   */
  async #openProfile(): Promise<LifeEnd | undefined> {
    const { profile, account, timings } = this.#deps;
    this.#opening ??= profile.takeOut(account.id, this.#signal).finally(() => {
      this.#opening = undefined;
    });
    try {
      const opened = withDeadline(this.#opening, timings.profileDeadlineMs, 'Opening the profile');
      if ((await orAborted(opened, this.#signal)) === 'vault') this.#isAsSealed = true;
      return undefined;
    } catch (thrown) {
      return this.#endOf(unopenedReason(thrown), thrown);
    }
  }

  #endOf(reason: ReasonCode, thrown: unknown): LifeEnd {
    if (this.#signal.aborted || thrown instanceof LeaseLostError) return { kind: 'stopped' };
    const end = { kind: 'fell', reason, error: toError(thrown), connectedMs: null } as const;
    this.#hearFall(end);
    return end;
  }

  #makeLife(leave: () => void): SessionLife {
    const { account, listener, clock, log, timings, profile, makeClient } = this.#deps;
    return new SessionLife({
      account,
      listener,
      clock,
      log,
      timings,
      makeClient: (onEvent) => makeClient(onEvent, this.#linked),
      isLinked: () => this.#linked,
      missingLinkReason: () => this.#missingLinkReason(),
      linkingSince: () => (this.#linked ? null : this.#since),
      countCode: () => {
        this.#codes += 1;
        return this.#codes;
      },
      isSealed: () => profile.isSealed(account.id),
      snapshot: () => profile.snapshot(account.id),
      copyWhenDue: () => profile.copyWhenDue(account.id),
      onSettled: leave,
      onFall: (end) => this.#hearFall(end),
      onFact: (fact, reason) => {
        // What was before a connection that lasted is past.
        if ((this.#life?.connectedMs ?? 0) >= timings.stableAfterMs) this.#reconnect = NO_ATTEMPT;
        this.#learn(fact, reason);
        if (fact === 'passkey-asked') this.#alert('needs_human', 'passkey');
      },
      onCode: (kind, code) => this.#saveCode(kind, code),
      onLinked: (identity) => this.#link(identity),
    });
  }

  /** A profile that was used may have lost its storage where the vault has not: that is opened before it is believed. */
  #missingLinkReason(): ReasonCode {
    const { profile, account } = this.#deps;
    return !this.#isAsSealed && profile.isSealed(account.id) ? 'link_doubted' : 'logged_out';
  }

  async #enterGate(): Promise<() => void> {
    const { gate, clock, log } = this.#deps;
    const since = clock.monotonic();
    const leave = await gate.enter(this.#signal);
    const waitedMs = Math.round(clock.monotonic() - since);
    if (waitedMs >= UNNOTICED_MS) log.info('The session waited for others to start', { waitedMs });
    return leave;
  }

  /** Counts a fall that is tried again, and says from when on. */
  #hearFall({ reason, error, connectedMs }: Fall): void {
    this.#lastError = error.message;
    const retry = error instanceof AwaitedGenerationError ? 'awaited' : REASONS[reason].retry;
    if (retry === 'never') return;
    const { timings, clock, log } = this.#deps;
    const before = this.#reconnect;
    this.#reconnect = afterFall(before, { retry, connectedMs }, timings.stableAfterMs);
    const { attempt, failures } = this.#reconnect;
    const delayMs = pauseBeforeMs(this.#reconnect, retry);
    log.warn('The session fell and is started again', {
      state: SESSION_FACTS.fell.to,
      reason,
      // Not `text`: that name is redacted.
      explanation: REASONS[reason].text,
      error: this.#lastError,
      attempt,
      failures,
      delayMs,
    });
    this.#dueAt = clock.monotonic() + delayMs;
    this.#nextAt = clock.now() + delayMs;
    this.#learn('fell', reason, attempt);
    if (isInTrouble(this.#reconnect) && !isInTrouble(before)) this.#alert('reconnect_failing', reason);
    if (isFlapping(this.#reconnect) && !isFlapping(before)) this.#alert('flapping', reason);
  }

  async #link(identity: LinkedIdentity): Promise<void> {
    const { store, account } = this.#deps;
    const stored = this.#journal.write('link', (signal) => store.saveLinked(account.id, identity, signal));
    const { phoneNumber } = identity;
    if (this.#linked && (phoneNumber === null || phoneNumber === this.#phoneNumber)) {
      // The number is this account's already: a database that is away keeps no session from its work.
      stored.catch((thrown: unknown) => this.recycle('already_linked', thrown as Error));
    } else {
      // What waits to leave from another number must be gone first. One that was stopped before its link was stored is asked
      // to scan again.
      if (!(await stored)) throw this.#signal.reason;
      this.#phoneNumber = phoneNumber;
    }
    this.#linked = true;
    this.#isAsSealed = false;
    this.#codes = 0;
    this.#lastError = null;
    this.#learn('ready', null);
  }

  #saveCode(kind: 'qr' | 'code', code: Parameters<AccountStore['saveQr']>[1]): void {
    const { store, account } = this.#deps;
    const save: Write = (signal) =>
      kind === 'qr'
        ? store.saveQr(account.id, code, signal)
        : store.savePairingCode(account.id, code, signal);
    void this.#journal.write('code', save);
  }

  /** Changes the state: it is stored, logged and told once. A fact that changes nothing is nothing. */
  #learn(fact: SessionFact, reason: ReasonCode | null, attempt?: number): void {
    const { account, store, listener, log } = this.#deps;
    const state = nextState(this.#state, fact);
    if (state === undefined || (state === this.#state && attempt === undefined)) return;
    this.#state = state;
    if (state === 'pairing' || state === 'syncing') this.#mayBeLinked = true;
    // A fall has its own line, which says more.
    if (fact !== 'fell') log.info('The session changed its state', { state, reason, fact, attempt });
    const change = {
      state,
      reason,
      ...(attempt === undefined ? {} : { attempt }),
      ...(this.#lastError === null || state === 'connected' ? {} : { lastError: this.#lastError }),
    };
    const stored = this.#journal.write('state', (signal) => store.saveState(account.id, change, signal));
    void stored.then((isStored) => isStored && listener.onState?.(account.id, change));
  }

  /** Changes the state for good, with what follows for the account. One that it was in already is not told again. */
  #rest(reason: ReasonCode): void {
    const { account, store, listener, log } = this.#deps;
    const { state } = REASONS[reason];
    const fact: SessionFact = state === 'needs_human' ? 'refused' : 'given-up';
    const isNews = state !== this.#state;
    this.#state = state;
    if (isNews) log.info('The session changed its state', { state, reason, fact });
    const lastError = this.#lastError === null ? {} : { lastError: this.#lastError };
    const stored = this.#journal.write('rest', (signal) =>
      store.saveRest(account.id, { reason, ...lastError }, signal),
    );
    void stored.then(
      (isStored) => isStored && isNews && listener.onState?.(account.id, { state, reason, ...lastError }),
    );
  }

  #alert(kind: SessionAlert['kind'], reason: ReasonCode): void {
    const { account, store, listener, log } = this.#deps;
    const { userAction } = REASONS[reason];
    const text = alertText(kind, reason);
    const { failures } = this.#reconnect;
    log.error('An account needs attention', { alert: kind, reason, explanation: text, userAction, failures });
    const stored = this.#journal.write('alert', (signal) =>
      store.saveAlert(account.id, { kind, reason, text }, signal),
    );
    void stored.then((isStored) => isStored && listener.onAlert?.(account.id, { kind, reason, text }));
  }

  /** After a conflict: whether our own other instance has taken the account over, which is then its business. */
  async #isHeldElsewhere(): Promise<boolean> {
    const { store, account, instanceId } = this.#deps;
    let holder: InstanceId | null = instanceId;
    await this.#journal.write('look at the holder', async () => {
      holder = (await store.getAccount(account.id)).instanceId;
    });
    return holder !== null && holder !== instanceId;
  }
}

/** Why a profile could not be opened; what is not the vault's own word is the disk's or the database's. */
function unopenedReason(thrown: unknown): ReasonCode {
  if (isAppError(thrown, 'VAULT_KEY_MISSING')) return 'key_missing';
  if (isAppError(thrown, 'VAULT_DAMAGED') || isAppError(thrown, 'VAULT_TOO_LARGE')) return 'vault_damaged';
  return isAppError(thrown, 'DISK_FULL') ? 'disk_full' : 'vault_unavailable';
}
