import { availableParallelism } from 'node:os';
import type { Account, AccountStore, SessionChange } from '../../accounts/account.ts';
import type { AccountId, InstanceId } from '../../accounts/ids.ts';
import { REASONS, type ReasonCode } from '../../accounts/reason.ts';
import type { Config } from '../../config/config.ts';
import { DEFAULT_TIMINGS, type SessionTimings } from '../../config/session-timings.ts';
import { LeaseLostError, type Leases } from '../../instances/lease.ts';
import { waitMs, withDeadline } from '../../lib/abort.ts';
import { backoffDelayMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { AppError, toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Channel, ChannelListener, ConnectedSession, PreparedSend, SessionStatus } from '../channel.ts';
import { AccountTurns } from './account-turns.ts';
import type { Browser } from './browser.ts';
import type { BrowserGuard } from './guard.ts';
import { LaunchGate } from './launch-gate.ts';
import { endOrphanBrowsers, hasBrowsersOf } from './orphan-browsers.ts';
import { ProcessFamilies } from './process-families.ts';
import type { ProfileKeeper } from './profile-keeper.ts';
import { Restore } from './restore.ts';
import { Session } from './session.ts';
import type { SessionClient } from './session-life.ts';
import { type Run, type Slot, Slots } from './slots.ts';
import { type ClientDeps, type ClientEvent, WhatsAppClient } from './whatsapp-client.ts';

/** Makes what a life of a session runs on. */
export type MakeClient = (deps: ClientDeps, onEvent: (event: ClientEvent) => void) => SessionClient;

const makeBrowserClient: MakeClient = (deps, onEvent) => new WhatsAppClient(deps, onEvent);

/** Looks at all processes of the machine between two at the memory of one session. */
const LOOKS_AN_INTERVAL = 3;

export interface PoolDeps {
  readonly config: Pick<Config, 'browser' | 'whatsapp'>;
  /** Where profiles are opened. */
  readonly runtimePath: string;
  /** Where an earlier run may have opened them. */
  readonly formerPaths: readonly string[];
  readonly profiles: ProfileKeeper;
  readonly browser: Browser;
  readonly instanceId: InstanceId;
  /** Whatever is done to an account is done under its lease. */
  readonly leases: Leases;
  readonly store: AccountStore;
  readonly listener: ChannelListener;
  readonly clock: Clock;
  readonly log: Logger;
  readonly guard: BrowserGuard;
  readonly isRoot: boolean;
  /** Deadlines and intervals of the sessions; those that are proven by default. */
  readonly timings?: SessionTimings;
  /** A browser with WhatsApp Web by default. */
  readonly makeClient?: MakeClient;
  /** Browsers that start at the same time; as many as there are processors by default. */
  readonly launchPlaces?: number;
  /** For the browsers; free of secrets. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * The sessions of this instance: at most WHATSAPP_MAX_CONNECTIONS, each alone. An account's starts and ends take
 * turns, so that two browsers never share a profile (faults F27, F31).
 */
export class Pool implements Channel, AsyncDisposable {
  readonly #deps: PoolDeps;
  readonly #gate: LaunchGate;
  readonly #families: ProcessFamilies;
  readonly #timings: SessionTimings;
  readonly #slots: Slots;
  readonly #turns: AccountTurns;
  readonly #restore: Restore;
  readonly #closing = new AbortController();
  #disposal: Promise<void> | undefined;

  constructor(deps: PoolDeps) {
    this.#deps = deps;
    this.#timings = deps.timings ?? DEFAULT_TIMINGS;
    this.#slots = new Slots(deps.config.whatsapp.maxConnections);
    const { launchJitterMs, memoryIntervalMs } = this.#timings;
    this.#families = new ProcessFamilies({
      clock: deps.clock,
      servesMs: memoryIntervalMs / LOOKS_AN_INTERVAL,
    });
    const { launchPlaces = availableParallelism() } = deps;
    this.#gate = new LaunchGate(launchPlaces, () => Math.random() * launchJitterMs);
    const { instanceId } = deps;
    const signal = this.#closing.signal;
    const hasBrowser = (accountId: AccountId) => hasBrowsersOf(instanceId, [accountId]);
    this.#turns = new AccountTurns({ ...deps, slots: this.#slots, hasBrowser, signal });
    this.#restore = new Restore({
      ...deps,
      slots: this.#slots,
      turns: this.#turns,
      start: (accountId) => this.#startUnasked(accountId),
      saveRest: (accountId, reason) => this.#turns.run(accountId, () => this.#saveRest(accountId, reason)),
      signal,
    });
  }

  async start(accountId: AccountId, options: { readonly fresh?: boolean } = {}): Promise<void> {
    await this.#inSlot(accountId, (slot) => this.#start(accountId, slot, options));
  }

  /** Starts an account as a user wants it, unless whoever had the turn before has done so or has ended it; true if it did. */
  async #startUnasked(accountId: AccountId): Promise<boolean> {
    let isStarted = false;
    await this.#inSlot(accountId, async (slot) => {
      if (slot.run !== undefined || !(await this.#deps.store.getAccount(accountId)).wanted) return;
      await this.#start(accountId, slot, {});
      isStarted = true;
    });
    return isStarted;
  }

  /** Does something in the account's turn that may bring a session. @throws AppError POOL_FULL */
  async #inSlot(accountId: AccountId, work: (slot: Slot) => Promise<void>): Promise<void> {
    this.#requireOpen();
    const slot = this.#slots.enter(accountId);
    try {
      await this.#turns.run(accountId, () => work(slot));
    } finally {
      this.#slots.leave(accountId, slot);
      this.#turns.giveBack(accountId);
    }
  }

  /** An account or a database that is not there is found before the session that runs is stopped. */
  async #start(
    accountId: AccountId,
    slot: Slot,
    { fresh = false }: { readonly fresh?: boolean },
  ): Promise<void> {
    const { store } = this.#deps;
    const { linked: wasLinked } = await store.getAccount(accountId);
    this.#requireOpen();
    const before = slot.run;
    if (before) await this.#stop(before);
    try {
      // As the session before has left it, which may have come to rest by itself meanwhile.
      const account = await store.getAccount(accountId);
      // A phone may have answered the code meanwhile: that link is not thrown away.
      const isFresh = !account.linked && (fresh || wasLinked);
      if (isFresh) await this.#forget(accountId);
      await this.#saveStart(account);
      if (this.#closing.signal.aborted) await this.#saveRest(accountId, 'daemon_stopped');
      this.#requireOpen();
      const state = 'starting';
      // All sessions may have been told to stop meanwhile, when this was none of them yet.
      this.#turns.requireLease(accountId);
      this.#launch({ ...account, state, reason: null }, slot);
    } catch (thrown) {
      if (before?.end === 'stopped') await this.#bringBack(accountId, before.session);
      throw thrown;
    }
  }

  /**
   * What was stopped for a start that then failed is still wanted. Its place is free as soon as the start has failed. If
   * the daemon stops it does not go on, and is sealed.
   */
  async #bringBack(accountId: AccountId, session: Session): Promise<void> {
    if (this.#closing.signal.aborted) return await this.#sealStopped(accountId, session);
    this.#restore.tryLater(accountId);
  }

  async disconnect(accountId: AccountId): Promise<void> {
    await this.#turns.run(accountId, async () => {
      // Before anything is done about it: whatever is cut off from here on is completed by the next boot.
      await this.#deps.store.saveOver(accountId, this.#deps.instanceId);
      await this.#restAfter(accountId, 'user_disconnected', async () => {
        await this.#logOut(accountId);
        await this.#end(accountId);
        await this.#forget(accountId);
      });
    });
  }

  /** WhatsApp drops a device that is not seen for some weeks; the profile is gone here in any case. */
  async #logOut(accountId: AccountId): Promise<void> {
    const session = this.#slots.findRun(accountId)?.session;
    // One that rests has no page that could say it, and mostly nothing to say.
    if (!session?.mayBeLinked) return;
    try {
      if (await session.logOut()) return;
      throw new Error('No page of the account is connected.');
    } catch (thrown) {
      const error = toError(thrown).message;
      const remedy = 'Remove the device on the phone, under Linked devices.';
      this.#deps.log.warn('WhatsApp did not hear of a logout', { accountId, error, remedy });
    }
  }

  /** Until it is sealed a user wants it connected: what is cut off goes on at the next boot. */
  async release(accountId: AccountId): Promise<void> {
    await this.#turns.run(accountId, () =>
      this.#restAfter(accountId, 'exported', async () => {
        await this.#end(accountId);
        await this.#inTime(this.#deps.profiles.seal(accountId), 'Sealing the profile');
      }),
    );
  }

  async abandon(accountId: AccountId): Promise<void> {
    await this.#turns.run(accountId, async () => {
      await this.#deps.store.saveOver(accountId, this.#deps.instanceId);
      await this.#restAfter(accountId, 'moved_away', async () => {
        await this.#end(accountId);
        await this.#forget(accountId);
      });
    });
  }

  /** Does what ends a session. The account rests afterwards, also if it failed: there is no session any more. */
  async #restAfter(accountId: AccountId, reason: ReasonCode, end: () => Promise<void>): Promise<void> {
    try {
      await end();
    } finally {
      await this.#saveRest(accountId, reason);
    }
  }

  /** Ends the session of an account, if there is one. */
  async #end(accountId: AccountId): Promise<void> {
    const run = this.#slots.findRun(accountId);
    if (run) await this.#stop(run);
  }

  /** What is done to a profile has its turn and goes on if it takes too long; whoever waits for it has ended then. */
  async #inTime(work: Promise<void>, what: string): Promise<void> {
    await withDeadline(work, this.#timings.profileDeadlineMs, what);
  }

  async react(accountId: AccountId, message: PreparedSend, emoji: string): Promise<void> {
    const session = this.findConnected(accountId);
    if (session === undefined) throw new AppError('ACCOUNT_NOT_CONNECTED');
    await session.react(message, emoji);
  }

  findConnected(accountId: AccountId): ConnectedSession | undefined {
    return this.#slots.findRun(accountId)?.session.findConnected();
  }

  findStatus(accountId: AccountId): SessionStatus | undefined {
    return this.#slots.findRun(accountId)?.session.status();
  }

  /** Starts every account that a user wants connected; resolves when all have their slot, not their connection. */
  restore(): Promise<void> {
    return this.#restore.run();
  }

  /**
   * Starts accounts that have no session, as far as it can, and gives back those that nobody wants. Leaves no profile open of
   * an account that another instance has taken since. Never rejects.
   */
  takeUp(accountIds: readonly AccountId[]): Promise<void> {
    return this.#restore.takeUp(accountIds);
  }

  /**
   * Stops every session at once, since other instances may take the accounts: nothing is stored, and the profiles stay open
   * for whoever of them comes back here first. Returns at once.
   */
  stopAll(): void {
    for (const [, { stop }] of this.#slots.listRuns())
      stop.abort(new Error('The lease of the account is over.'));
  }

  /** Closes every browser and resolves when all are gone. What users want stays as it is. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    this.#closing.abort(new Error('Switchboard is stopping.'));
    // What is being started or ended comes to its end first; no more is begun.
    const underWay = this.#restore.ended().then(() => this.#turns.idle());
    await withDeadline(underWay, this.#timings.turnsEndMs, 'What was under way').catch((thrown) => {
      this.#deps.log.warn('A start or an end of a session is cut off by the stop', {
        error: toError(thrown).message,
      });
    });
    await Promise.all(this.#slots.listRuns().map(([accountId, run]) => this.#stopForGood(accountId, run)));
    try {
      await withDeadline(this.#deps.profiles.copied(), this.#timings.copiesEndMs, 'Copying sealed sessions');
    } catch (thrown) {
      // They are on the disk, and the next start makes up for it.
      const error = toError(thrown).message;
      this.#deps.log.warn('Copies of sealed sessions are cut off by the stop', { error });
    }
  }

  async #stopForGood(accountId: AccountId, run: Run): Promise<void> {
    run.afterStop = 'seal';
    await this.#stop(run);
    // One that came to rest by itself has told why.
    if (run.end === undefined || run.end === 'stopped') await this.#saveStopped(accountId);
    // Others may go on with it now; what is not copied in time is theirs with the end of this run.
    void this.#deps.profiles.copied(accountId).then(() => this.#turns.releaseUnused(accountId));
  }

  async #saveStopped(accountId: AccountId): Promise<void> {
    try {
      const stored = this.#saveRest(accountId, 'daemon_stopped');
      await withDeadline(stored, this.#timings.lastWritesMs, 'Storing a state');
    } catch (thrown) {
      const error = toError(thrown).message;
      this.#deps.log.warn('The state of a stopped session could not be stored', { accountId, error });
    }
  }

  #requireOpen(): void {
    if (!this.#closing.signal.aborted) return;
    throw new AppError('UNAVAILABLE', { message: 'Switchboard is stopping.' });
  }

  async #stop(run: Run): Promise<void> {
    run.stop.abort(new Error('The session was asked to stop.'));
    await this.#inTime(run.ended, 'Ending the session');
  }

  #launch(account: Account, slot: Slot): void {
    const { store, instanceId, listener, profiles, clock } = this.#deps;
    const { id: accountId } = account;
    const stop = new AbortController();
    const log = this.#deps.log.child({ accountId });
    const session = new Session(
      {
        account,
        instanceId,
        store,
        listener: { ...listener, onState: (id, change) => this.#hearState(id, change) },
        gate: this.#gate,
        clock,
        log,
        timings: this.#timings,
        profile: profiles,
        makeClient: (onEvent, linked) => this.#makeClient({ ...account, linked }, log, onEvent),
      },
      stop.signal,
    );
    const run: Run = { session, stop, afterStop: 'leave', end: undefined, ended: Promise.resolve() };
    slot.run = run;
    run.ended = this.#run(accountId, slot, run);
  }

  #makeClient(account: Account, log: Logger, onEvent: (event: ClientEvent) => void): SessionClient {
    this.#turns.requireLease(account.id);
    const { config, runtimePath, browser, instanceId, guard, clock, isRoot, environment } = this.#deps;
    const { profiles, makeClient = makeBrowserClient } = this.#deps;
    const { expectedPhoneNumber: phoneNumber } = account;
    // A page that offers a code to an account that is linked says only that it no longer is.
    const byCode = account.pairing === 'code' && !account.linked && phoneNumber !== null;
    return makeClient(
      {
        accountId: account.id,
        instanceId,
        displayName: account.displayName,
        pairing: byCode ? { kind: 'code', phoneNumber } : { kind: 'qr' },
        browser,
        livePath: runtimePath,
        requireLease: () => this.#turns.requireLease(account.id),
        requireProfile: () => profiles.requireOpen(account.id),
        whenRoom: async () => this.#deps.listener.whenRoom?.(account.id),
        extraArgs: config.browser.extraArgs,
        clock,
        log,
        timings: this.#timings,
        guard,
        families: this.#families,
        isRoot,
        environment,
      },
      onEvent,
    );
  }

  #hearState(accountId: AccountId, change: SessionChange): void {
    this.#restore.hear(accountId, change);
    this.#deps.listener.onState?.(accountId, change);
  }

  /** Who has asked for a start may count on it from the answer on: what is sent then waits for the session. */
  async #saveStart({ id, state }: Account): Promise<void> {
    await this.#deps.store.saveStart(id, this.#deps.instanceId);
    if (state !== 'starting') this.#hearState(id, { state: 'starting', reason: null });
  }

  /** Stores and tells the state of an account that has no session any more, or never got one. */
  async #saveRest(accountId: AccountId, reason: ReasonCode): Promise<void> {
    await this.#deps.store.saveRest(accountId, { reason });
    this.#hearState(accountId, { state: REASONS[reason].state, reason });
  }

  async #run(accountId: AccountId, slot: Slot, run: Run): Promise<void> {
    const { profiles, log } = this.#deps;
    const { session, stop } = run;
    try {
      run.end = await session.run();
      if (run.end === 'stopped') {
        if (run.afterStop === 'seal') await this.#sealStopped(accountId, session);
        return;
      }
      if (run.end === 'moved') return await profiles.discardOutdated(accountId);
      // A link that WhatsApp ended, or that was never made, leaves nothing worth keeping in the profile.
      if (REASONS[run.end].keepsLink) await this.#putAway(accountId, session);
      else await this.#untilForgotten(accountId, stop.signal);
    } catch (thrown) {
      const error = toError(thrown).message;
      if (thrown instanceof LeaseLostError)
        log.warn('The end of a session is left to whoever has its account now', { accountId, error });
      else log.error('A session ended in a way that nobody foresaw', { accountId, error });
    } finally {
      if (!this.#closing.signal.aborted) {
        this.#slots.vacate(accountId, slot);
        this.#turns.giveBack(accountId);
      }
    }
  }

  /**
   * Tries until it is done or the session is asked to stop; then once more, and what fails is thrown.
   * @throws LeaseLostError as soon as the lease is lost
   */
  async #untilForgotten(accountId: AccountId, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        // What is sealed may be another holder's by now, and its link a new one.
        this.#turns.requireLease(accountId);
        await this.#forget(accountId);
        return;
      } catch (thrown) {
        if (signal.aborted || thrown instanceof LeaseLostError) throw thrown;
        const error = toError(thrown).message;
        this.#deps.log.warn('An ended link could not be destroyed and is tried again', { accountId, error });
        await waitMs(backoffDelayMs(attempt), signal).catch(() => undefined);
      }
    }
  }

  /** Also what an earlier run has left open. Where the opening hangs it is left to the next boot. */
  async #sealStopped(accountId: AccountId, session: Session): Promise<void> {
    if (!session.isOpening) await this.#putAway(accountId, session);
  }

  /** A profile that nobody has linked is not worth sealing. */
  async #putAway(accountId: AccountId, session: Session): Promise<void> {
    const { profiles } = this.#deps;
    await (session.mayBeLinked ? profiles.putAway(accountId) : profiles.discard(accountId));
  }

  /** Destroys the link, with every copy of its profile. The browser must be gone. */
  async #forget(accountId: AccountId): Promise<void> {
    await this.#inTime(this.#deps.profiles.destroy(accountId), 'Destroying the profile');
    await this.#deps.store.saveQr(accountId, null);
    await this.#deps.store.savePairingCode(accountId, null);
  }
}

/**
 * Opens the pool: browsers that outlived an earlier run of this daemon are ended first (fault F28). Accounts that are
 * to be restored show as starting from now on.
 */
export async function openPool(deps: PoolDeps): Promise<Pool> {
  const { runtimePath, formerPaths, profiles } = deps;
  await endOrphanBrowsers({ ...deps, paths: [runtimePath, ...formerPaths] });
  await profiles.tidy(formerPaths);
  await deps.store.saveCutOff(deps.instanceId);
  await deps.store.saveStarting(deps.instanceId);
  return new Pool(deps);
}
