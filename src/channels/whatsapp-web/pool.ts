import { availableParallelism } from 'node:os';
import type { Account, AccountStore, SessionChange } from '../../accounts/account.ts';
import type { AccountId, InstanceId } from '../../accounts/ids.ts';
import { REASONS, type ReasonCode } from '../../accounts/reason.ts';
import { nextState } from '../../accounts/session-machine.ts';
import type { Config } from '../../config/config.ts';
import { DEFAULT_TIMINGS, type SessionTimings } from '../../config/session-timings.ts';
import { waitMs, withDeadline } from '../../lib/abort.ts';
import { backoffDelayMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { AppError, isAppError, toError } from '../../lib/errors.ts';
import { KeyedSerial } from '../../lib/keyed-serial.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Channel, ChannelListener, ConnectedSession, SessionStatus } from '../channel.ts';
import type { Browser } from './browser.ts';
import { findProfilesInUse, killBrowserProcesses } from './browser-process.ts';
import { LaunchGate } from './launch-gate.ts';
import type { ProfileKeeper } from './profile-keeper.ts';
import { RestoreProgress } from './restore-progress.ts';
import { Session } from './session.ts';
import { type ClientEvent, WhatsAppClient } from './whatsapp-client.ts';

/** How long the last state of a session may take to be stored when the daemon stops, in milliseconds. */
const LAST_WRITE_MS = 2_000;

/** How long starts and ends that are under way may take when the daemon stops: a logout, and the close of a browser. */
const TURNS_DEADLINE_MS = 12_000;

export interface PoolDeps {
  readonly config: Pick<Config, 'browser' | 'whatsapp'>;
  /** Where profiles are opened. */
  readonly runtimePath: string;
  /** Where an earlier run may have opened them. */
  readonly formerPaths: readonly string[];
  readonly profiles: ProfileKeeper;
  readonly browser: Browser;
  readonly instanceId: InstanceId;
  readonly store: AccountStore;
  readonly listener: ChannelListener;
  readonly clock: Clock;
  readonly log: Logger;
  readonly isRoot: boolean;
  /** Deadlines and intervals of the sessions; those that are proven by default. */
  readonly timings?: SessionTimings;
  /** For the browsers; free of secrets. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The slot of one account: taken before anything is awaited, given back when its browser is gone. */
interface Slot {
  readonly stop: AbortController;
  /** What becomes of the profile once the session was stopped. */
  afterStop: 'seal' | 'leave';
  /** The session has ended for a reason of its own. */
  isAtRest: boolean;
  session: Session | undefined;
  ended: Promise<void>;
}

function makeSlot(): Slot {
  return {
    stop: new AbortController(),
    afterStop: 'leave',
    isAtRest: false,
    session: undefined,
    ended: Promise.resolve(),
  };
}

/**
 * The sessions of this instance: at most WHATSAPP_MAX_CONNECTIONS, each alone. An account's starts and ends take
 * turns, so that two browsers never share a profile (faults F27, F31).
 */
export class Pool implements Channel, AsyncDisposable {
  readonly #deps: PoolDeps;
  readonly #gate: LaunchGate;
  readonly #timings: SessionTimings;
  readonly #slots = new Map<AccountId, Slot>();
  readonly #turns = new KeyedSerial<AccountId>();
  #restore: RestoreProgress | undefined;
  #restoring: Promise<unknown> = Promise.resolve();
  readonly #closing = new AbortController();

  constructor(deps: PoolDeps) {
    this.#deps = deps;
    this.#timings = deps.timings ?? DEFAULT_TIMINGS;
    const { launchJitterMs } = this.#timings;
    this.#gate = new LaunchGate(availableParallelism(), () => Math.random() * launchJitterMs);
  }

  async start(accountId: AccountId, options: { readonly fresh?: boolean } = {}): Promise<void> {
    const slot = this.#reserve(accountId);
    await this.#turns.run(accountId, () => this.#start(accountId, slot, options));
  }

  /** Whatever may fail comes before the session that runs is stopped. */
  async #start(
    accountId: AccountId,
    reserved: Slot,
    { fresh = false }: { readonly fresh?: boolean },
  ): Promise<void> {
    const { store, instanceId } = this.#deps;
    // An end that was under way may have taken the reserved one for that of a session.
    const slot = reserved.stop.signal.aborted ? makeSlot() : reserved;
    const before = this.#slots.get(accountId);
    try {
      if (before === undefined) this.#requireRoom();
      const account = await store.getAccount(accountId);
      await store.saveWanted(accountId, true, instanceId);
      if (before && before !== slot) await this.#stop(before);
      if (this.#closing.signal.aborted)
        throw new AppError('UNAVAILABLE', { message: 'Switchboard is stopping.' });
      this.#slots.set(accountId, slot);
      if (fresh) await this.#forget(accountId);
      await this.#launch(fresh ? { ...account, linked: false } : account, slot);
    } catch (thrown) {
      this.#release(accountId, slot);
      throw thrown;
    }
  }

  async disconnect(accountId: AccountId): Promise<void> {
    await this.#turns.run(accountId, async () => {
      // Before anything is done about it: whatever is cut off from here on is completed by the next boot.
      await this.#deps.store.saveOver(accountId, this.#deps.instanceId);
      await this.#slots
        .get(accountId)
        ?.session?.logOut()
        .catch((thrown) => {
          // WhatsApp drops a device that is not seen for some weeks; the profile is gone here in any case.
          this.#deps.log.warn('WhatsApp did not hear of a logout', {
            accountId,
            error: toError(thrown).message,
          });
        });
      await this.#end(accountId);
      await this.#forget(accountId);
      await this.#saveRest(accountId, 'user_disconnected');
    });
  }

  async release(accountId: AccountId): Promise<void> {
    await this.#turns.run(accountId, async () => {
      await this.#end(accountId);
      await this.#deps.profiles.seal(accountId);
      await this.#saveRest(accountId, 'exported');
    });
  }

  async abandon(accountId: AccountId): Promise<void> {
    await this.#turns.run(accountId, async () => {
      await this.#deps.store.saveOver(accountId, this.#deps.instanceId);
      await this.#end(accountId);
      await this.#forget(accountId);
      await this.#saveRest(accountId, 'moved_away');
    });
  }

  /** Ends the session of an account, if there is one, and says that nobody wants it connected. */
  async #end(accountId: AccountId): Promise<void> {
    const slot = this.#slots.get(accountId);
    if (slot) {
      await this.#stop(slot);
      this.#release(accountId, slot);
    }
    await this.#deps.store.saveWanted(accountId, false, this.#deps.instanceId);
  }

  findConnected(accountId: AccountId): ConnectedSession | undefined {
    return this.#slots.get(accountId)?.session?.findConnected();
  }

  findStatus(accountId: AccountId): SessionStatus | undefined {
    return this.#slots.get(accountId)?.session?.status();
  }

  /** Starts every account that a user wants connected; resolves when all have their slot, not their connection. */
  async restore(): Promise<void> {
    const { store, instanceId, log } = this.#deps;
    const wanted = await store.listWanted(instanceId);
    const linked = wanted.filter((account) => account.linked).map(({ id }) => id);
    this.#restore = new RestoreProgress(linked, log);
    const failed: AccountId[] = [];
    for (const { id } of wanted) if (!(await this.#restoreOne(id))) failed.push(id);
    await this.#destroyWhatIsOver();
    await this.#sealLeftOpen();
    this.#restoring = Promise.all([this.#deps.profiles.finishWipes(), this.#restoreLater(failed)]);
  }

  /** Completes disconnects and logouts that an earlier run was killed over. */
  async #destroyWhatIsOver(): Promise<void> {
    const { store, instanceId, profiles, log } = this.#deps;
    try {
      for (const accountId of await store.listOver(instanceId)) {
        await this.#turns.run(accountId, async () => {
          if (!this.#slots.has(accountId)) await profiles.destroyLeft(accountId);
        });
      }
    } catch (thrown) {
      // The next boot does it; until then nothing that was destroyed counts.
      log.warn('What is left of ended links could not be destroyed', { error: toError(thrown).message });
    }
  }

  /** Starts an account, unless its user has done so meanwhile; false if it is to be tried again. */
  async #restoreOne(accountId: AccountId): Promise<boolean> {
    if (this.#slots.has(accountId)) return true;
    try {
      const { wanted } = await this.#deps.store.getAccount(accountId);
      if (wanted) await this.start(accountId);
      return true;
    } catch (thrown) {
      const error = toError(thrown).message;
      this.#deps.log.error('An account could not be restored', { accountId, error });
      if (isAppError(thrown, 'ACCOUNT_NOT_FOUND')) return true;
      if (!isAppError(thrown, 'POOL_FULL')) return false;
      return await this.#saveRest(accountId, 'no_slot').then(
        () => true,
        () => false,
      );
    }
  }

  /** The database went away in the middle: they are tried until it is back. Never rejects. */
  async #restoreLater(failed: readonly AccountId[]): Promise<void> {
    let left = failed;
    for (let attempt = 1; left.length > 0 && !this.#closing.signal.aborted; attempt += 1) {
      await waitMs(backoffDelayMs(attempt), this.#closing.signal).catch(() => undefined);
      const again: AccountId[] = [];
      for (const id of left)
        if (!this.#closing.signal.aborted && !(await this.#restoreOne(id))) again.push(id);
      left = again;
    }
  }

  /** What an earlier run was killed over and nobody wants connected now is not left open. */
  async #sealLeftOpen(): Promise<void> {
    const { profiles, store, instanceId, log } = this.#deps;
    for (const accountId of await profiles.listOpen()) {
      try {
        await this.#turns.run(accountId, async () => {
          if (this.#slots.has(accountId)) return;
          const account = await store.getAccount(accountId);
          const isOurs = account.linked && (account.instanceId ?? instanceId) === instanceId;
          // Another instance that holds the account has taken it from the vault.
          await (isOurs ? profiles.putAway(accountId) : profiles.discard(accountId));
        });
      } catch (thrown) {
        // The profile of an account that is gone is removed in its own time.
        const error = toError(thrown).message;
        log.warn('A profile that was left open could not be sealed', { accountId, error });
      }
    }
  }

  /** Closes every browser and resolves when all are gone. What users want stays as it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('Switchboard is stopping.'));
    await this.#restoring;
    // What is being started or ended comes to its end first; no more is begun.
    await withDeadline(this.#turns.idle(), TURNS_DEADLINE_MS, 'What was under way').catch((thrown) => {
      this.#deps.log.warn('A start or an end of a session is cut off by the stop', {
        error: toError(thrown).message,
      });
    });
    await Promise.all(
      [...this.#slots].map(async ([accountId, slot]) => {
        slot.afterStop = 'seal';
        await this.#stop(slot);
        // One that came to rest by itself has told why.
        if (slot.isAtRest) return;
        await withDeadline(
          this.#saveRest(accountId, 'daemon_stopped'),
          LAST_WRITE_MS,
          'Storing a state',
        ).catch((thrown) => {
          const error = toError(thrown).message;
          this.#deps.log.warn('The state of a stopped session could not be stored', { accountId, error });
        });
      }),
    );
  }

  #reserve(accountId: AccountId): Slot {
    if (this.#closing.signal.aborted)
      throw new AppError('UNAVAILABLE', { message: 'Switchboard is stopping.' });
    const held = this.#slots.has(accountId);
    if (!held) this.#requireRoom();
    const slot = makeSlot();
    if (!held) this.#slots.set(accountId, slot);
    return slot;
  }

  #requireRoom(): void {
    const { maxConnections } = this.#deps.config.whatsapp;
    if (this.#slots.size >= maxConnections) throw new AppError('POOL_FULL');
  }

  #release(accountId: AccountId, slot: Slot): void {
    if (this.#slots.get(accountId) === slot) this.#slots.delete(accountId);
  }

  async #stop(slot: Slot): Promise<void> {
    slot.stop.abort(new Error('The session was asked to stop.'));
    await slot.ended;
  }

  async #launch(stored: Account, slot: Slot): Promise<void> {
    const { store, instanceId, listener, profiles, clock } = this.#deps;
    const { signal } = slot.stop;
    const { id: accountId } = stored;
    const account = await this.#saveStarting(stored);
    if (signal.aborted) return;
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
      signal,
    );
    slot.session = session;
    slot.ended = this.#run(accountId, slot, session);
  }

  #makeClient(account: Account, log: Logger, onEvent: (event: ClientEvent) => void): WhatsAppClient {
    const { config, runtimePath, browser, clock, isRoot, environment } = this.#deps;
    const { expectedPhoneNumber: phoneNumber } = account;
    // A page that offers a code to an account that is linked says only that it no longer is.
    const byCode = account.pairing === 'code' && !account.linked && phoneNumber !== null;
    return new WhatsAppClient(
      {
        accountId: account.id,
        displayName: account.displayName,
        pairing: byCode ? { kind: 'code', phoneNumber } : { kind: 'qr' },
        browser,
        livePath: runtimePath,
        whenRoom: async () => this.#deps.listener.whenRoom?.(account.id),
        extraArgs: config.browser.extraArgs,
        clock,
        log,
        timings: this.#timings,
        isRoot,
        environment,
      },
      onEvent,
    );
  }

  #hearState(accountId: AccountId, change: SessionChange): void {
    this.#restore?.hear(accountId, change);
    this.#deps.listener.onState?.(accountId, change);
  }

  /** Who has asked for a start may count on it from the answer on: what is sent then waits for the session. */
  async #saveStarting(account: Account): Promise<Account> {
    const state = nextState(account.state, 'start-wanted');
    if (state === undefined) return account;
    try {
      await this.#save(account.id, { state, reason: null });
    } catch (thrown) {
      // The session tells its next states until they are stored.
      const error = toError(thrown).message;
      this.#deps.log.warn('The start of a session could not be stored', { accountId: account.id, error });
    }
    return { ...account, state, reason: null };
  }

  /** The state of an account that has no session any more, or never got one. */
  async #saveRest(accountId: AccountId, reason: ReasonCode): Promise<void> {
    await this.#save(accountId, { state: REASONS[reason].state, reason });
  }

  /** Stores and tells a state that is not the session's to tell. */
  async #save(accountId: AccountId, change: SessionChange): Promise<void> {
    await this.#deps.store.saveState(accountId, change);
    this.#hearState(accountId, change);
  }

  async #run(accountId: AccountId, slot: Slot, session: Session): Promise<void> {
    const { store, instanceId, profiles, log } = this.#deps;
    try {
      const rest = await session.run();
      if (rest === 'stopped') {
        if (slot.afterStop === 'seal') await this.#putAway(accountId, session);
        return;
      }
      // Whoever holds the account now has taken it from the vault.
      if (rest === 'moved') return await profiles.discard(accountId);
      slot.isAtRest = true;
      const { signal } = slot.stop;
      const { keepsLink } = REASONS[rest];
      // Stored before the slot is free: a boot must not start what a person has to look at first. The right key is all
      // that a missing one needs.
      await this.#untilStored(signal, async () => {
        if (!keepsLink) await store.saveOver(accountId, instanceId);
        else if (rest !== 'key_missing') await store.saveWanted(accountId, false, instanceId);
      });
      // A link that WhatsApp ended, or that was never made, leaves nothing worth keeping in the profile.
      if (keepsLink) await this.#putAway(accountId, session);
      else await this.#untilStored(signal, () => this.#forget(accountId));
    } catch (thrown) {
      log.error('A session ended in a way that nobody foresaw', {
        accountId,
        error: toError(thrown).message,
      });
    } finally {
      if (!this.#closing.signal.aborted) this.#release(accountId, slot);
    }
  }

  /** Tries until it is done or the session is asked to stop; then once more, and what fails is thrown. */
  async #untilStored(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await work();
        return;
      } catch (thrown) {
        if (signal.aborted) throw thrown;
        const error = toError(thrown).message;
        this.#deps.log.warn('The end of a session could not be stored and is tried again', { error });
        await waitMs(backoffDelayMs(attempt), signal).catch(() => undefined);
      }
    }
  }

  /** A profile that nobody has linked is not worth sealing. */
  async #putAway(accountId: AccountId, session: Session): Promise<void> {
    const { profiles } = this.#deps;
    await (session.mayBeLinked ? profiles.putAway(accountId) : profiles.discard(accountId));
  }

  /** Destroys the link, with every copy of its profile. The browser must be gone. */
  async #forget(accountId: AccountId): Promise<void> {
    await this.#deps.profiles.destroy(accountId);
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
  for (const profilePath of [runtimePath, ...formerPaths].flatMap(findProfilesInUse)) {
    if (await killBrowserProcesses(profilePath)) {
      deps.log.warn('A browser that outlived its daemon was ended', { profilePath });
    }
  }
  await profiles.tidy(formerPaths);
  await deps.store.saveStarting(deps.instanceId);
  return new Pool(deps);
}
