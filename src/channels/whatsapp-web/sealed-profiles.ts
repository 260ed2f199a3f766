/**
 * Profiles that were sealed here and lie open until others find their snapshots. Until one is entered and copied, its profile
 * is all that another instance has of what the page took last: whatever ends this daemon, or cuts it off, whoever comes next
 * on this machine goes on with that, and so does this instance. Only where the snapshot can be found is the profile removed,
 * its place in the account's row first, which is refused once another instance holds the account.
 */
import type { AccountId } from '../../accounts/ids.ts';
import { LeaseLostError } from '../../instances/lease.ts';
import { toError } from '../../lib/errors.ts';
import type { KeyedSerial } from '../../lib/keyed-serial.ts';
import type { Logger } from '../../lib/logger.ts';
import type { SnapshotName } from '../../vault/snapshot.ts';
import type { Vault } from '../../vault/vault.ts';
import type { VaultStep } from '../../vault/vault-step.ts';
import { profilePathOf, removeProfile } from './profile.ts';

export interface SealedProfilesDeps {
  readonly runtimePath: string;
  readonly vault: Pick<Vault, 'isReachable' | 'clearPlaces' | 'catchUp'>;
  /** What is done to a profile is done in its account's turn. */
  readonly turns: KeyedSerial<AccountId>;
  readonly log: Logger;
  readonly onStep: (step: VaultStep) => void;
}

export class SealedProfiles {
  readonly #deps: SealedProfilesDeps;
  /** As which generation each was sealed. */
  readonly #sealed = new Map<AccountId, number>();
  /** The first tries to remove them that are under way. */
  readonly #removals = new Map<AccountId, Promise<void>>();
  #settling: Promise<void> | undefined;

  constructor(deps: SealedProfilesDeps) {
    this.#deps = deps;
  }

  /** One that was sealed; it is looked at once its copy was made, or could not be. */
  add({ accountId, generation }: SnapshotName, copied: Promise<void>): void {
    this.#sealed.set(accountId, generation);
    const removal = copied
      .then(() => this.#removeOnceFound(accountId))
      .finally(() => {
        if (this.#removals.get(accountId) === removal) this.#removals.delete(accountId);
      });
    this.#removals.set(accountId, removal);
  }

  /** Its profile is used again, or is gone. */
  forget(accountId: AccountId): void {
    this.#sealed.delete(accountId);
  }

  isIdle(accountId: AccountId): boolean {
    return !this.#removals.has(accountId);
  }

  /** Resolves when the first tries, of the account or of all, are over. Never rejects. */
  async idle(accountId?: AccountId): Promise<void> {
    if (accountId === undefined) await Promise.all(this.#removals.values());
    else await this.#removals.get(accountId);
  }

  /**
   * Enters and copies what could not be so far, which another instance may wait for, and removes the profiles of which that has
   * succeeded, until the signal aborts. One call at a time does anything. Never rejects.
   */
  settle(signal: AbortSignal): Promise<void> {
    this.#settling ??= this.#settle(signal).finally(() => {
      this.#settling = undefined;
    });
    return this.#settling;
  }

  async #settle(signal: AbortSignal): Promise<void> {
    const { vault, log } = this.#deps;
    const left = [...this.#sealed.keys()].filter((accountId) => this.isIdle(accountId));
    if (left.length === 0) return;
    try {
      await vault.catchUp(async () => new Set(left), signal);
    } catch (thrown) {
      log.debug('Sealed sessions that lack a copy could not be looked at', {
        error: toError(thrown).message,
      });
    }
    for (const accountId of left) if (!signal.aborted) await this.#removeOnceFound(accountId);
  }

  /** Never rejects: what could not be done is tried again. */
  async #removeOnceFound(accountId: AccountId): Promise<void> {
    const { turns, log } = this.#deps;
    try {
      await turns.run(accountId, () => this.#removeIfFound(accountId));
    } catch (thrown) {
      const error = toError(thrown).message;
      log.debug('A sealed profile stays open until others find its snapshot', { accountId, error });
      // It is whoever's has the account now, and removed here once that one uses another.
      if (thrown instanceof LeaseLostError) this.forget(accountId);
    }
  }

  async #removeIfFound(accountId: AccountId): Promise<void> {
    const { vault, runtimePath, onStep } = this.#deps;
    const generation = this.#sealed.get(accountId);
    if (generation === undefined || !(await vault.isReachable({ accountId, generation }))) return;
    await vault.clearPlaces(accountId);
    await removeProfile(profilePathOf(runtimePath, accountId));
    this.forget(accountId);
    onStep('profile-removed');
  }
}
