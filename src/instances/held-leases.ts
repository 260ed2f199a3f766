import type { AccountId, InstanceId } from '../accounts/ids.ts';
import type { Executor } from '../db/database.ts';
import { type LeaseMark, listLeases, releaseLease, takeLease } from '../db/lease-store.ts';
import { AppError, toError } from '../lib/errors.ts';
import { KeyedSerial } from '../lib/keyed-serial.ts';
import type { Logger } from '../lib/logger.ts';
import { HeldElsewhereError, type Lease, type Leases } from './lease.ts';

/** An account that others take and release at the same moment is tried this often. */
const TRIES = 3;

export interface HeldLeasesDeps {
  readonly db: Executor;
  readonly instanceId: InstanceId;
  readonly log: Logger;
  /** The run of this instance, if it is valid at this moment. */
  readonly findRun: () => number | undefined;
  /** The database says that the run is over. */
  readonly onRunOver: () => void;
}

/** The leases that the current run of this instance holds; those of an earlier one are none. */
export class HeldLeases implements Leases {
  readonly #deps: HeldLeasesDeps;
  readonly #serial = new KeyedSerial<AccountId>();
  readonly #held = new Map<AccountId, Lease>();
  /** Nothing here holds them, but the database may say so: an answer was lost. */
  readonly #leftovers = new Set<AccountId>();

  constructor(deps: HeldLeasesDeps) {
    this.#deps = deps;
  }

  find(accountId: AccountId): Lease | undefined {
    const lease = this.#held.get(accountId);
    return lease !== undefined && lease.run === this.#deps.findRun() ? lease : undefined;
  }

  list(): readonly AccountId[] {
    return [...this.#held.keys()].filter((accountId) => this.find(accountId) !== undefined);
  }

  /** A new run begins with these. */
  adopt(leases: readonly Lease[]): void {
    this.#held.clear();
    for (const lease of leases) {
      if (!this.#leftovers.has(lease.accountId)) this.#held.set(lease.accountId, lease);
    }
  }

  take(accountId: AccountId): Promise<Lease> {
    return this.#serial.run(accountId, async () => {
      for (let tried = 0; tried < TRIES; tried += 1) {
        const lease = this.find(accountId) ?? (await this.#tryToTake(accountId));
        if (lease !== undefined) return lease;
      }
      throw new AppError('UNAVAILABLE');
    });
  }

  /** Undefined if it is worth another try. */
  async #tryToTake(accountId: AccountId): Promise<Lease | undefined> {
    const { db, instanceId, findRun, onRunOver } = this.#deps;
    const run = findRun();
    if (run === undefined) throw withoutRun();
    // Until the answer is here it may be held, and nobody would know.
    this.#leftovers.add(accountId);
    const taking = await takeLease(db, { accountId, run, instanceId });
    this.#leftovers.delete(accountId);
    switch (taking.kind) {
      case 'taken':
        return this.#keep(taking.lease);
      case 'held':
        throw new HeldElsewhereError(taking);
      case 'free':
        return undefined;
      case 'no_account':
        throw new AppError('ACCOUNT_NOT_FOUND');
      case 'no_run':
        onRunOver();
        throw withoutRun();
    }
    return taking satisfies never;
  }

  #keep(lease: Lease): Lease {
    const run = this.#deps.findRun();
    if (run === lease.run) {
      this.#held.set(lease.accountId, lease);
      return lease;
    }
    // It lapsed while the answer was on its way: the next run has it or frees it.
    if (run !== undefined) this.#leftovers.add(lease.accountId);
    throw withoutRun();
  }

  release(accountId: AccountId): Promise<void> {
    return this.#serial.run(accountId, async () => {
      const lease = this.#held.get(accountId);
      if (lease === undefined) return;
      this.#held.delete(accountId);
      await this.#giveBack(lease);
    });
  }

  /** Frees in the database what nothing here holds. Never rejects; what is left is tried again the next time. */
  async tidy(): Promise<void> {
    const run = this.#deps.findRun();
    if (this.#leftovers.size === 0 || run === undefined) return;
    const asked = [...this.#leftovers];
    try {
      const leases = new Map((await listLeases(this.#deps.db, run)).map((lease) => [lease.accountId, lease]));
      for (const accountId of asked) {
        await this.#serial.run(accountId, () => this.#tidyOne(accountId, leases.get(accountId)));
      }
    } catch (thrown) {
      this.#deps.log.debug('Leases that are left could not be looked at', { error: toError(thrown).message });
    }
  }

  async #tidyOne(accountId: AccountId, lease: LeaseMark | undefined): Promise<void> {
    // Taken since, or being taken.
    if (!this.#leftovers.delete(accountId) || this.#held.has(accountId)) return;
    if (lease !== undefined) await this.#giveBack(lease);
  }

  async #giveBack(lease: LeaseMark): Promise<void> {
    try {
      await releaseLease(this.#deps.db, lease);
    } catch (thrown) {
      this.#leftovers.add(lease.accountId);
      const { accountId } = lease;
      this.#deps.log.warn('A lease could not be given back; it is tried again', {
        accountId,
        error: toError(thrown).message,
      });
    }
  }
}

function withoutRun(): AppError {
  return new AppError('UNAVAILABLE', {
    message: 'This instance may run no session until its database answers again. Try again.',
  });
}
