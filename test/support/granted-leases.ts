import type { AccountId } from '../../src/accounts/ids.ts';
import type { Lease, Leases } from '../../src/instances/lease.ts';

/** Grants every lease: a pool that is alone with its accounts. What is written under them is not looked at. */
export class GrantedLeases implements Leases {
  readonly #held = new Map<AccountId, Lease>();
  #epoch = 0;

  async take(accountId: AccountId): Promise<Lease> {
    const held = this.#held.get(accountId);
    if (held !== undefined) return held;
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

  /** Those that are held now. */
  get held(): readonly AccountId[] {
    return [...this.#held.keys()];
  }
}
