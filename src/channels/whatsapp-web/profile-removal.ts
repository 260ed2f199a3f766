import type { AccountId } from '../../accounts/ids.ts';
import { toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Vault } from '../../vault/vault.ts';
import type { VaultStep } from '../../vault/vault-step.ts';
import { isLastUsed } from './live-profile.ts';
import type { OpenProfiles } from './open-profiles.ts';
import { removeProfile } from './profile.ts';
import { readProfileMark } from './profile-mark.ts';
import type { ProfilePlaces } from './profile-places.ts';
import type { SealedProfiles } from './sealed-profiles.ts';
import type { SnapshotCopies } from './snapshot-copies.ts';

export interface ProfileRemovalDeps {
  readonly vault: Pick<Vault, 'findNewest' | 'markDestroyed'>;
  readonly log: Logger;
  readonly profiles: OpenProfiles;
  readonly places: Pick<ProfilePlaces, 'clear'>;
  readonly copies: Pick<SnapshotCopies, 'wipe'>;
  readonly sealed: Pick<SealedProfiles, 'forget'>;
  readonly onStep: (step: VaultStep) => void;
}

/**
 * Removes profiles that are open, alone or with every snapshot of them. The account's browser is gone. Called in the account's
 * turn, where nothing else is said.
 */
export class ProfileRemoval {
  readonly #deps: ProfileRemovalDeps;

  constructor(deps: ProfileRemovalDeps) {
    this.#deps = deps;
  }

  async remove(accountId: AccountId): Promise<void> {
    const { profiles, places, sealed } = this.#deps;
    await removeProfile(profiles.pathOf(accountId));
    profiles.forget(accountId);
    sealed.forget(accountId);
    await places.clear(accountId);
  }

  /** The same, of an account that another instance holds, if that has begun to use another profile. */
  async removeOutdated(accountId: AccountId): Promise<void> {
    const { vault, profiles } = this.#deps;
    const mark = await readProfileMark(profiles.pathOf(accountId));
    // Of what the row names after that mark was read.
    const { profileEpoch } = await vault.findNewest(accountId);
    if (mark !== undefined && !isLastUsed(mark, profileEpoch)) await this.remove(accountId);
  }

  /** Removes it and destroys every snapshot and every copy; see `wipe`. */
  async destroy(accountId: AccountId): Promise<void> {
    const { vault, profiles, onStep } = this.#deps;
    const mark = await readProfileMark(profiles.pathOf(accountId));
    const { generation } = await vault.findNewest(accountId);
    // Above the mark of the opened profile too, which a crash may leave open.
    await vault.markDestroyed(accountId, Math.max(mark?.generation ?? 0, generation) + 1);
    await this.remove(accountId);
    onStep('wipe-profile-removed');
    await this.wipe(accountId);
  }

  /** Whether there is anything to destroy that was not marked as destroyed. In any turn. */
  async isAnythingLeft(accountId: AccountId): Promise<boolean> {
    const { vault, profiles } = this.#deps;
    const { isSealed } = await vault.findNewest(accountId);
    const isOpen = (await readProfileMark(profiles.pathOf(accountId))) !== undefined;
    return isSealed || isOpen;
  }

  /** Removes what was marked as destroyed. In any turn. A copy that cannot be reached is logged and removed later. */
  async wipe(accountId: AccountId): Promise<void> {
    await this.#deps.copies.wipe(accountId).catch((thrown) => {
      const error = toError(thrown).message;
      this.#deps.log.warn('Copies of a destroyed session are left where they cannot be reached', {
        accountId,
        error,
      });
    });
  }
}
