import { mkdir, rename } from 'node:fs/promises';
import type { AccountId } from '../../accounts/ids.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import { LeaseLostError } from '../../instances/lease.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Vault } from '../../vault/vault.ts';
import type { VaultStep } from '../../vault/vault-step.ts';
import { findLinkDamage, findLiveProfile } from './live-profile.ts';
import type { OpenProfile, OpenProfiles } from './open-profiles.ts';
import { removeProfile, removeRemnant, requireFreeBytes } from './profile.ts';
import { readBoot, readProfileMark, writeProfileMark } from './profile-mark.ts';
import type { ProfilePlaces } from './profile-places.ts';
import type { SealedProfiles } from './sealed-profiles.ts';

/** Whether a profile that was taken out lay open already, or is as the vault had it (new, if that has none). */
export type TakenFrom = 'live' | 'vault';

export interface ProfileOpeningDeps {
  readonly runtimePath: string;
  readonly vault: Pick<Vault, 'requireKey' | 'findNewest' | 'open' | 'savePlaces' | 'saveUse'>;
  readonly timings: Pick<SessionTimings, 'freeDiskBytes'>;
  readonly log: Logger;
  readonly profiles: OpenProfiles;
  readonly places: Pick<ProfilePlaces, 'bring' | 'removeCopied'>;
  readonly sealed: Pick<SealedProfiles, 'forget'>;
  /**
   * Told before a profile is put in its place that is as it was at `takenAt`: it lacks what its account did since. If it
   * rejects, the profile is not opened. It may be told again of what it was told already.
   */
  readonly onRestored: (accountId: AccountId, takenAt: Date) => Promise<void>;
  readonly onStep: (step: VaultStep) => void;
}

/** Opens profiles: goes on with what lies open, here or elsewhere, else with the vault. Called in the account's turn. */
export class ProfileOpening {
  readonly #deps: ProfileOpeningDeps;

  constructor(deps: ProfileOpeningDeps) {
    this.#deps = deps;
  }

  /**
   * Opens the profile, unless it is open and good. The account's browser is gone. Once the signal has aborted nothing is
   * put in the profile's place any more.
   * @throws LeaseLostError; AwaitedGenerationError; AppError VAULT_KEY_MISSING, VAULT_DAMAGED, VAULT_STORAGE_FAILED, DISK_FULL;
   * the signal's reason; and what the database and `onRestored` throw
   */
  async takeOut(accountId: AccountId, signal?: AbortSignal): Promise<TakenFrom> {
    const { profiles, places, sealed } = this.#deps;
    signal?.throwIfAborted();
    // One that is gone was taken by another instance, or removed: what was known of it is not true any more.
    const isThere = (await readProfileMark(profiles.pathOf(accountId))) !== undefined;
    const opened = isThere ? profiles.findHeld(accountId) : undefined;
    const known = opened ?? (await this.#findKnown(accountId));
    if (opened === undefined) await places.bring(accountId, known);
    const live = await this.#findLive(accountId, known);
    // What is not found any more may be with another instance: only the database says whether it may be opened anew.
    if (live === undefined) profiles.forget(accountId);
    const generation = live ?? (await this.#openVault(accountId, known, signal));
    const used = live === undefined ? undefined : opened;
    profiles.set(accountId, { ...(used ?? (await this.#beginUse(accountId, known))), generation });
    sealed.forget(accountId);
    await places.removeCopied(accountId, known);
    return live === undefined ? 'vault' : 'live';
  }

  /**
   * What is known of a profile that was never taken out here. Nothing, if it is not what a start would use: sealed, it
   * would pass for newer than the vault is. The vault then lies open in its place, as far as it can be opened.
   */
  async findLeftOpen(accountId: AccountId): Promise<OpenProfile | undefined> {
    const known = await this.#findKnown(accountId);
    const live = await this.#findLive(accountId, known);
    if (live === undefined) await this.#openVault(accountId, known);
    const begun = await this.#beginUse(accountId, known);
    return live === undefined ? undefined : begun;
  }

  /** @throws LeaseLostError; AppError VAULT_KEY_MISSING also if the profile lies open: it could not be sealed without harm. */
  async #findKnown(accountId: AccountId): Promise<OpenProfile> {
    const { vault, profiles } = this.#deps;
    await vault.requireKey(accountId);
    const epoch = profiles.findEpoch(accountId);
    const newest = await vault.findNewest(accountId);
    // Where it was ever used under a lease it is used under no less.
    if (epoch === null && newest.profileEpoch !== null) throw new LeaseLostError();
    return { ...newest, epoch };
  }

  #findLive(accountId: AccountId, known: OpenProfile): Promise<number | undefined> {
    const { profiles, log } = this.#deps;
    return findLiveProfile(profiles.pathOf(accountId), known, { accountId, log });
  }

  /** Opens the newest snapshot in the profile's place, or makes an empty profile; returns its mark. */
  async #openVault(accountId: AccountId, known: OpenProfile, signal?: AbortSignal): Promise<number> {
    const { vault, profiles, onRestored, onStep, runtimePath, timings } = this.#deps;
    const path = profiles.pathOf(accountId);
    const opening = `${path}.opening-${crypto.randomUUID()}`;
    try {
      const opened = await vault.open(accountId, {
        folder: opening,
        findDamage: findLinkDamage,
        // What filled the disk would cost the browsers there their storage (fault F43).
        requireRoom: (bytes) => requireFreeBytes(runtimePath, bytes + timings.freeDiskBytes),
        leaseEpoch: known.epoch,
        signal,
      });
      if (opened === undefined) await mkdir(opening, { mode: 0o700 });
      else await onRestored(accountId, opened.sealedAt);
      await writeProfileMark(opening, {
        generation: known.generation,
        boot: await readBoot(),
        leaseEpochs: [known.epoch],
      });
      signal?.throwIfAborted();
    } catch (thrown) {
      await removeRemnant(opening);
      throw thrown;
    }
    await removeProfile(path);
    onStep('opening-cleared');
    await rename(opening, path);
    onStep('opening-moved');
    return known.generation;
  }

  /**
   * Writes down that whoever had the profile before has it no more, and where it lies: until then what he has counts. Its mark
   * names both leases by now.
   */
  async #beginUse(accountId: AccountId, known: OpenProfile): Promise<OpenProfile> {
    const { epoch, profileEpoch } = known;
    const { vault, profiles } = this.#deps;
    const path = profiles.pathOf(accountId);
    if (epoch !== null && epoch === profileEpoch) await vault.savePlaces(accountId, [path], epoch);
    else if (epoch !== null) await vault.saveUse(accountId, epoch, path);
    return { ...known, profileEpoch: epoch };
  }
}
