import type { SessionChange } from '../../accounts/account.ts';
import type { AccountId } from '../../accounts/ids.ts';
import type { ReasonCode } from '../../accounts/reason.ts';
import type { Config } from '../../config/config.ts';
import { DEFAULT_TIMINGS, type SessionTimings } from '../../config/session-timings.ts';
import type { Leases } from '../../instances/lease.ts';
import { withDeadline } from '../../lib/abort.ts';
import { AppError, toError } from '../../lib/errors.ts';
import type { Channel, ConnectedSession, PreparedSend, SessionStatus } from '../channel.ts';
import { AccountTurns } from './account-turns.ts';
import { BrowserLooks } from './browser-looks.ts';
import { endOrphanBrowsers } from './orphan-browsers.ts';
import { Restore } from './restore.ts';
import { SessionRemains } from './session-remains.ts';
import { type RunParts, SessionRuns } from './session-runs.ts';
import { SessionStarts } from './session-starts.ts';
import { type Run, Slots } from './slots.ts';

export interface PoolDeps extends RunParts {
  readonly config: Pick<Config, 'browser' | 'whatsapp'>;
  /** Where an earlier run may have opened profiles. */
  readonly formerPaths: readonly string[];
  /** Whatever is done to an account is done under its lease. */
  readonly leases: Leases;
  /** Deadlines and intervals of the sessions; those that are proven by default. */
  readonly timings?: SessionTimings;
}

/**
 * The sessions of this instance: at most WHATSAPP_MAX_CONNECTIONS, each alone. An account's starts and ends take
 * turns, so that two browsers never share a profile (faults F27, F31).
 */
export class Pool implements Channel, AsyncDisposable {
  readonly #deps: PoolDeps & { readonly timings: SessionTimings };
  readonly #slots: Slots;
  readonly #turns: AccountTurns;
  readonly #remains: SessionRemains;
  readonly #runs: SessionRuns;
  readonly #starts: SessionStarts;
  readonly #restore: Restore;
  readonly #closing = new AbortController();
  #disposal: Promise<void> | undefined;

  constructor(deps: PoolDeps) {
    this.#deps = { ...deps, timings: deps.timings ?? DEFAULT_TIMINGS };
    this.#slots = new Slots(deps.config.whatsapp.maxConnections);
    const parts = {
      ...this.#deps,
      listener: {
        ...deps.listener,
        onState: (accountId: AccountId, change: SessionChange) => this.#hearState(accountId, change),
      },
      slots: this.#slots,
      signal: this.#closing.signal,
    };
    const turns = new AccountTurns({ ...parts, browsers: new BrowserLooks(deps) });
    const remains = new SessionRemains({ ...parts, turns });
    const runs = new SessionRuns({ ...parts, turns, remains });
    const tryLater = (accountId: AccountId) => this.#restore.tryLater(accountId);
    const starts = new SessionStarts({ ...parts, turns, remains, runs, tryLater });
    this.#turns = turns;
    this.#remains = remains;
    this.#runs = runs;
    this.#starts = starts;
    this.#restore = new Restore({
      ...parts,
      turns,
      start: (accountId) => starts.startUnasked(accountId),
      saveRest: (accountId, reason) => turns.run(accountId, () => remains.saveRest(accountId, reason)),
    });
  }

  async start(accountId: AccountId, options: { readonly fresh?: boolean } = {}): Promise<void> {
    await this.#starts.start(accountId, options);
  }

  async disconnect(accountId: AccountId): Promise<void> {
    await this.#turns.run(accountId, async () => {
      // Before anything is done about it: whatever is cut off from here on is completed by the next boot.
      await this.#deps.store.saveOver(accountId, this.#deps.instanceId);
      await this.#restAfter(accountId, 'user_disconnected', async () => {
        await this.#logOut(accountId);
        await this.#end(accountId);
        await this.#remains.forget(accountId);
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
        await this.#remains.seal(accountId);
      }),
    );
  }

  async abandon(accountId: AccountId): Promise<void> {
    await this.#turns.run(accountId, async () => {
      await this.#deps.store.saveOver(accountId, this.#deps.instanceId);
      await this.#restAfter(accountId, 'moved_away', async () => {
        await this.#end(accountId);
        await this.#remains.forget(accountId);
      });
    });
  }

  /** Does what ends a session. The account rests afterwards, also if it failed: there is no session any more. */
  async #restAfter(accountId: AccountId, reason: ReasonCode, end: () => Promise<void>): Promise<void> {
    try {
      await end();
    } finally {
      await this.#remains.saveRest(accountId, reason);
    }
  }

  /** Ends the session of an account, if there is one. */
  async #end(accountId: AccountId): Promise<void> {
    const run = this.#slots.findRun(accountId);
    if (run) await this.#runs.stop(run);
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
    await withDeadline(underWay, this.#deps.timings.turnsEndMs, 'What was under way').catch((thrown) => {
      this.#deps.log.warn('A start or an end of a session is cut off by the stop', {
        error: toError(thrown).message,
      });
    });
    await Promise.all(this.#slots.listRuns().map(([accountId, run]) => this.#stopForGood(accountId, run)));
    try {
      await withDeadline(
        this.#deps.profiles.copied(),
        this.#deps.timings.copiesEndMs,
        'Copying sealed sessions',
      );
    } catch (thrown) {
      // They are on the disk, and the next start makes up for it.
      const error = toError(thrown).message;
      this.#deps.log.warn('Copies of sealed sessions are cut off by the stop', { error });
    }
  }

  async #stopForGood(accountId: AccountId, run: Run): Promise<void> {
    run.afterStop = 'seal';
    await this.#runs.stop(run);
    // One that came to rest by itself has told why.
    if (run.end === undefined || run.end === 'stopped') await this.#saveStopped(accountId);
    // Others may go on with it now; what is not copied in time is theirs with the end of this run.
    void this.#deps.profiles.copied(accountId).then(() => this.#turns.releaseUnused(accountId));
  }

  async #saveStopped(accountId: AccountId): Promise<void> {
    try {
      const stored = this.#remains.saveRest(accountId, 'daemon_stopped');
      await withDeadline(stored, this.#deps.timings.lastWritesMs, 'Storing a state');
    } catch (thrown) {
      const error = toError(thrown).message;
      this.#deps.log.warn('The state of a stopped session could not be stored', { accountId, error });
    }
  }

  #hearState(accountId: AccountId, change: SessionChange): void {
    this.#restore.hear(accountId, change);
    this.#deps.listener.onState?.(accountId, change);
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
