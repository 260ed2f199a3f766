import type { AccountId } from '../../accounts/ids.ts';
import { LeaseLostError, type Leases } from '../../instances/lease.ts';
import { toError } from '../../lib/errors.ts';
import { KeyedSerial } from '../../lib/keyed-serial.ts';
import type { Logger } from '../../lib/logger.ts';
import type { BrowserLooks } from './browser-looks.ts';
import type { ProfileKeeper } from './profile-keeper.ts';
import type { Slots } from './slots.ts';

export interface AccountTurnsDeps {
  readonly leases: Leases;
  readonly slots: Slots;
  readonly profiles: Pick<ProfileKeeper, 'copied' | 'isCopied'>;
  readonly browsers: Pick<BrowserLooks, 'has'>;
  readonly log: Logger;
  /** Aborts when leases are given back by the stop of the pool alone. */
  readonly signal: AbortSignal;
}

/** What is done to accounts: to each one thing after another, under its lease. */
export class AccountTurns {
  readonly #deps: AccountTurnsDeps;
  readonly #turns = new KeyedSerial<AccountId>();

  constructor(deps: AccountTurnsDeps) {
    this.#deps = deps;
  }

  /** Does something to an account in its turn, under its lease. @throws HeldElsewhereError */
  async run(accountId: AccountId, work: () => Promise<void>): Promise<void> {
    try {
      await this.#turns.run(accountId, async () => {
        await this.#deps.leases.take(accountId);
        await work();
      });
    } finally {
      this.giveBack(accountId);
    }
  }

  /** The same, without its lease. */
  runBare<T>(accountId: AccountId, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(accountId, work);
  }

  /** Gives back the lease of an account that has no session, once others find its last snapshot. Returns at once. */
  giveBack(accountId: AccountId): void {
    const { leases, slots, profiles, signal } = this.#deps;
    if (slots.has(accountId) || signal.aborted) return;
    // Whoever had the turn before, or starts it meanwhile, gives the lease back at its own end.
    const isUnused = () => !slots.has(accountId) && profiles.isCopied(accountId);
    void profiles.copied(accountId).then(() =>
      this.#turns.run(accountId, async () => {
        if (isUnused() && !(await this.#isKept(accountId)) && isUnused()) await leases.release(accountId);
      }),
    );
  }

  /**
   * Gives the lease back unless a browser of the account lives, which nobody could end: another instance would run a second one.
   * Each round over what is held without a session tries again. Never rejects.
   */
  async releaseUnused(accountId: AccountId): Promise<void> {
    if (!(await this.#isKept(accountId))) await this.#deps.leases.release(accountId);
  }

  /** Where its browser cannot be seen, it may live. */
  async #isKept(accountId: AccountId): Promise<boolean> {
    const { leases, browsers, log } = this.#deps;
    try {
      if (leases.find(accountId) === undefined || !(await browsers.has(accountId))) return false;
      log.error('An account is kept since its browser could not be ended', { accountId });
    } catch (thrown) {
      const error = toError(thrown).message;
      log.warn('An account is kept since its browser cannot be looked for', { accountId, error });
    }
    return true;
  }

  /** A process that stood still may be about to do what another instance has done meanwhile. @throws LeaseLostError */
  requireLease(accountId: AccountId): void {
    if (this.#deps.leases.find(accountId) === undefined) throw new LeaseLostError();
  }

  isBusy(accountId: AccountId): boolean {
    return this.#turns.isBusy(accountId);
  }

  /** Resolves when everything that was begun so far has ended. */
  idle(): Promise<void> {
    return this.#turns.idle();
  }
}
