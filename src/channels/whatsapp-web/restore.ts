import type { AccountStore, SessionChange } from '../../accounts/account.ts';
import type { AccountId, InstanceId } from '../../accounts/ids.ts';
import { RESTS_UNTIL_BOOT, type ReasonCode } from '../../accounts/reason.ts';
import { HeldElsewhereError } from '../../instances/lease.ts';
import { waitMs } from '../../lib/abort.ts';
import { backoffDelayMs } from '../../lib/backoff.ts';
import { isAppError, toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { AccountTurns } from './account-turns.ts';
import type { ProfileKeeper } from './profile-keeper.ts';
import { RestoreProgress } from './restore-progress.ts';
import type { Slots } from './slots.ts';

export interface RestoreDeps {
  readonly store: AccountStore;
  readonly instanceId: InstanceId;
  readonly profiles: ProfileKeeper;
  readonly slots: Slots;
  readonly turns: AccountTurns;
  /** Starts an account, which has its place as soon as this returns, unless it has a session or nobody wants it when its turn has come; true if it did. */
  readonly start: (accountId: AccountId) => Promise<boolean>;
  /** Stores and tells the state of an account that got no session. */
  readonly saveRest: (accountId: AccountId, reason: ReasonCode) => Promise<void>;
  readonly log: Logger;
  /** Aborts when no account may be started any more. */
  readonly signal: AbortSignal;
}

/**
 * Brings back at boot what the pool had when the daemon ended, however it did: accounts that are wanted are started, ends
 * that were cut off are completed, and nothing that nobody wants stays open.
 */
export class Restore {
  readonly #deps: RestoreDeps;
  #progress: RestoreProgress | undefined;
  /** Accounts that came to rest here, where any other try would end the same way. */
  readonly #restsHere = new Set<AccountId>();
  #underWay: Promise<unknown> = Promise.resolve();

  constructor(deps: RestoreDeps) {
    this.#deps = deps;
  }

  /** Hears of every change of a session's state. */
  hear(accountId: AccountId, change: SessionChange): void {
    this.#progress?.hear(accountId, change);
    if (change.reason !== null && RESTS_UNTIL_BOOT.includes(change.reason)) this.#restsHere.add(accountId);
    else this.#restsHere.delete(accountId);
  }

  /** Tries an account again that could not be started, until it is or nobody wants it any more. */
  tryLater(accountId: AccountId): void {
    this.#goOn(this.#startLater([accountId]));
  }

  /** Resolves when nothing of it is under way any more; soon once the signal has aborted. */
  async ended(): Promise<void> {
    await this.#underWay;
  }

  /** The work never rejects. */
  #goOn(work: Promise<unknown>): void {
    this.#underWay = Promise.all([this.#underWay, work]);
  }

  /** Starts every account that a user wants connected; resolves when all have their slot, not their connection. */
  async run(): Promise<void> {
    const { store, instanceId, log } = this.#deps;
    const wanted = await store.listWanted(instanceId);
    const linked = wanted.filter((account) => account.linked).map(({ id }) => id);
    this.#progress = new RestoreProgress(linked, log);
    const failed: AccountId[] = [];
    for (const { id } of wanted) if (!(await this.#startOne(id))) failed.push(id);
    await this.#sealLeftOpen();
    // Copies that are far away may take their time.
    this.#goOn(this.#destroyWhatIsOver().then(() => this.#deps.profiles.finishWipes()));
    this.#goOn(this.#startLater(failed));
  }

  /** Completes disconnects and logouts that an earlier run was killed over. */
  async #destroyWhatIsOver(): Promise<void> {
    const { store, instanceId, profiles, turns, slots, log } = this.#deps;
    try {
      for (const accountId of await store.listOver(instanceId)) {
        await turns.run(accountId, async () => {
          if (!slots.has(accountId)) await profiles.destroyLeft(accountId);
        });
      }
    } catch (thrown) {
      // The next boot does it; until then nothing that was destroyed counts.
      log.warn('What is left of ended links could not be destroyed', { error: toError(thrown).message });
    }
  }

  /** Starts an account, unless its user has done so meanwhile; false if it is to be tried again. */
  async #startOne(accountId: AccountId): Promise<boolean> {
    if (this.#deps.slots.has(accountId)) return true;
    try {
      await this.#deps.start(accountId);
      return true;
    } catch (thrown) {
      // Another instance was quicker.
      if (thrown instanceof HeldElsewhereError) return true;
      const error = toError(thrown).message;
      this.#deps.log.error('An account could not be restored', { accountId, error });
      if (isAppError(thrown, 'ACCOUNT_NOT_FOUND')) return true;
      if (!isAppError(thrown, 'POOL_FULL')) return false;
      return await this.#deps.saveRest(accountId, 'no_slot').then(
        () => true,
        (failed) => failed instanceof HeldElsewhereError,
      );
    }
  }

  /** The database went away in the middle: they are tried until it is back. Never rejects. */
  async #startLater(failed: readonly AccountId[]): Promise<void> {
    let left = failed;
    for (let attempt = 1; left.length > 0 && !this.#deps.signal.aborted; attempt += 1) {
      await waitMs(backoffDelayMs(attempt), this.#deps.signal).catch(() => undefined);
      const again: AccountId[] = [];
      for (const id of left) if (!this.#deps.signal.aborted && !(await this.#startOne(id))) again.push(id);
      left = again;
    }
  }

  /** What an earlier run was killed over and nobody wants connected now is not left open. */
  async #sealLeftOpen(): Promise<void> {
    const { profiles, store, turns, slots, log } = this.#deps;
    for (const accountId of await profiles.listOpen()) {
      try {
        await turns.run(accountId, async () => {
          if (slots.has(accountId)) return;
          const { linked } = await store.getAccount(accountId);
          await (linked ? profiles.putAway(accountId) : profiles.discard(accountId));
        });
      } catch (thrown) {
        // Whether the instance that holds the account will come for it shows at one of the next looks.
        if (thrown instanceof HeldElsewhereError) continue;
        // The profile of an account that is gone is removed in its own time.
        const error = toError(thrown).message;
        log.warn('A profile that was left open could not be sealed', { accountId, error });
      }
    }
  }

  /**
   * Starts accounts that nobody holds, or that this instance holds without a session, unless something is done to them at
   * this moment, or they came to rest here for want of something and no other instance has had more luck since. They have
   * their places in this order; none waits for another. What cannot be started now is free again, as is what nobody wants.
   * Profiles that a lapse has left open are removed once another instance uses the account. Never rejects.
   */
  async takeUp(accountIds: readonly AccountId[]): Promise<void> {
    const { slots, turns, log, signal } = this.#deps;
    if (signal.aborted) return;
    const idle = accountIds.filter((accountId) => !slots.has(accountId) && !turns.isBusy(accountId));
    await Promise.all(idle.map((accountId) => this.#takeUpOne(accountId)));
    await this.#discardTaken().catch((thrown: unknown) => {
      log.debug('Open profiles could not be looked through', { error: toError(thrown).message });
    });
  }

  /** Of accounts that are held elsewhere by now: what is open here is used no more once another profile is. */
  async #discardTaken(): Promise<void> {
    const { store, instanceId, profiles, turns, slots, log } = this.#deps;
    for (const accountId of await profiles.listOpen()) {
      if (slots.has(accountId) || turns.isBusy(accountId)) continue;
      try {
        await turns.runBare(accountId, async () => {
          if (slots.has(accountId)) return;
          const { isHeld, instanceId: holder } = await store.getAccount(accountId);
          if (isHeld && holder !== instanceId) await profiles.discardOutdated(accountId);
        });
      } catch (thrown) {
        // There is another round; the profile of an account that is gone is removed in its own time.
        log.debug('A profile that is open could not be looked after', {
          accountId,
          error: toError(thrown).message,
        });
      }
    }
  }

  async #takeUpOne(accountId: AccountId): Promise<void> {
    const { start, turns, log } = this.#deps;
    try {
      if (this.#restsHere.has(accountId) && (await this.#isResting(accountId))) return;
      if (await start(accountId)) log.info('An account that had no session was taken up', { accountId });
    } catch (thrown) {
      log.debug('An account could not be taken up', { accountId, error: toError(thrown).message });
      turns.giveBack(accountId);
    }
  }

  async #isResting(accountId: AccountId): Promise<boolean> {
    const { reason } = await this.#deps.store.getAccount(accountId);
    return reason !== null && RESTS_UNTIL_BOOT.includes(reason);
  }
}
