import type { AccountId } from '../../src/accounts/ids.ts';
import type { Lease, Leases } from '../../src/instances/lease.ts';
import { AppError } from '../../src/lib/errors.ts';

/** Grants every lease, until it is told otherwise: a pool that is alone with its accounts. What is written under them is not looked at. */
export class GrantedLeases implements Leases {
  readonly #held = new Map<AccountId, Lease>();
  #epoch = 0;
  #isRefusing = false;

  async take(accountId: AccountId): Promise<Lease> {
    const held = this.#held.get(accountId);
    if (held !== undefined) return held;
    if (this.#isRefusing) throw new AppError('UNAVAILABLE');
    this.#epoch += 1;
    const lease = { accountId, run: 1, epoch: this.#epoch, previousEpoch: null };
    this.#held.set(accountId, lease);
    return lease;
  }

  async release(accountId: AccountId): Promise<void> {
    this.#held.delete(accountId);
  }

  find(accountId: AccountId): Lease | undefined {
    return this.#held.get(accountId);
  }

  /** Grants none from now on, as while there is no run. */
  refuse(): void {
    this.#isRefusing = true;
  }

  /** All of them are over, and nobody has been told yet. */
  lapse(): void {
    this.#held.clear();
  }

  /** Those that are held now. */
  get held(): readonly AccountId[] {
    return [...this.#held.keys()];
  }
}
