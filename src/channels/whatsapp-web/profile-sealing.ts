import type { AccountId } from '../../accounts/ids.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import { LeaseLostError } from '../../instances/lease.ts';
import type { Clock } from '../../lib/clock.ts';
import { toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Vault } from '../../vault/vault.ts';
import type { VaultStep } from '../../vault/vault-step.ts';
import { copyFrozen, measureCopy } from './frozen-copy.ts';
import { findLinkDamage } from './live-profile.ts';
import type { OpenProfile, OpenProfiles } from './open-profiles.ts';
import { removeRemnant, requireFreeBytes } from './profile.ts';
import { findKeptEntries } from './profile-content.ts';
import { readProfileMark } from './profile-mark.ts';
import type { ProfileOpening } from './profile-opening.ts';
import type { ProfileRemoval } from './profile-removal.ts';
import type { SealedProfiles } from './sealed-profiles.ts';
import type { SealedSnapshot, SnapshotCopies } from './snapshot-copies.ts';

export interface ProfileSealingDeps {
  readonly runtimePath: string;
  readonly vault: Pick<Vault, 'seal'>;
  readonly timings: Pick<SessionTimings, 'freezeDeadlineMs' | 'freeDiskBytes'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly profiles: OpenProfiles;
  readonly opening: Pick<ProfileOpening, 'findLeftOpen'>;
  readonly removal: Pick<ProfileRemoval, 'remove'>;
  readonly copies: Pick<SnapshotCopies, 'add'>;
  readonly sealed: Pick<SealedProfiles, 'add'>;
  /** Whether other instances share the database. */
  readonly hasOthers: () => boolean;
  readonly onStep: (step: VaultStep) => void;
  /** Told of each profile that was to be sealed and was not. */
  readonly onSealFailed?: () => void;
}

/** Seals profiles that are open: while the browser runs, and once it is gone. Called in the account's turn. */
export class ProfileSealing {
  readonly #deps: ProfileSealingDeps;

  constructor(deps: ProfileSealingDeps) {
    this.#deps = deps;
  }

  /** Seals a copy of the profile, for which its browser stands still. Undefined if none is open. */
  async sealRunning(accountId: AccountId): Promise<{ readonly copied: Promise<void> } | undefined> {
    const { profiles, copies } = this.#deps;
    const opened = profiles.find(accountId);
    if (opened === undefined) return undefined;
    const copy = `${profiles.pathOf(accountId)}.copy-${crypto.randomUUID()}`;
    try {
      const sealed = await this.#tellFailure(this.#freezeAndSeal(accountId, opened, copy));
      // In an object, so that the turn does not wait for it.
      return { copied: copies.add(sealed) };
    } finally {
      await removeRemnant(copy);
    }
  }

  /**
   * Seals the profile itself, and removes it or has it removed once others find the snapshot. The account's browser is gone.
   * @throws LeaseLostError; AppError VAULT_STORAGE_FAILED; and what the disk and the database throw
   */
  sealResting(accountId: AccountId): Promise<void> {
    return this.#tellFailure(this.#sealResting(accountId));
  }

  #tellFailure<T>(sealing: Promise<T>): Promise<T> {
    return sealing.catch((thrown: unknown) => {
      this.#deps.onSealFailed?.();
      throw thrown;
    });
  }

  async #freezeAndSeal(accountId: AccountId, opened: OpenProfile, copy: string): Promise<SealedSnapshot> {
    const { vault, profiles, log, clock, timings, onStep } = this.#deps;
    await this.#requireRoom(accountId);
    const generation = await profiles.mark(accountId, opened);
    const takenAt = clock.monotonic();
    const takenDate = new Date(clock.now());
    const frozenMs = await copyFrozen(profiles.pathOf(accountId), copy, timings.freezeDeadlineMs, {
      onFrozen: () => onStep('profile-frozen'),
    });
    onStep('profile-copied');
    const damage = await findLinkDamage(copy);
    if (damage !== undefined) throw new Error(damage);
    const kept = await findKeptEntries(copy);
    const name = { accountId, generation, takenAt: takenDate, profileEpoch: opened.epoch };
    const snapshot = await vault.seal(name, copy, kept);
    const kind = opened.isSealed ? 'running' : 'first';
    opened.isSealed = true;
    log.debug('A running session was sealed', {
      accountId,
      generation,
      frozenMs: Math.round(frozenMs),
      bytes: snapshot.bytes,
    });
    return { snapshot, takenAt, kind };
  }

  /** A disk that a copy filled would cost the browser its storage (fault F43). */
  async #requireRoom(accountId: AccountId): Promise<void> {
    const { runtimePath, timings, profiles } = this.#deps;
    const bytes = await measureCopy(profiles.pathOf(accountId));
    await requireFreeBytes(runtimePath, bytes + timings.freeDiskBytes);
  }

  async #sealResting(accountId: AccountId): Promise<void> {
    const { vault, profiles, opening, removal, copies, sealed, log, clock, hasOthers, onStep } = this.#deps;
    const path = profiles.pathOf(accountId);
    if ((await readProfileMark(path)) === undefined) return;
    const opened = profiles.findHeld(accountId) ?? (await opening.findLeftOpen(accountId));
    if (opened === undefined) return await removal.remove(accountId);
    const generation = await this.#markResting(accountId, opened);
    const name = { accountId, generation, profileEpoch: opened.epoch };
    const snapshot = await vault.seal(name, path, await findKeptEntries(path));
    const stays = hasOthers();
    if (stays) profiles.forget(accountId);
    else {
      await removal.remove(accountId);
      onStep('profile-removed');
    }
    log.info('A session was sealed', { accountId, generation, bytes: snapshot.bytes });
    const copied = copies.add({ snapshot, takenAt: clock.monotonic(), kind: 'last' });
    if (stays) sealed.add({ accountId, generation }, copied);
  }

  async #markResting(accountId: AccountId, opened: OpenProfile): Promise<number> {
    return await this.#deps.profiles.mark(accountId, opened).catch((thrown) => {
      if (thrown instanceof LeaseLostError) throw thrown;
      // On a full disk: the vault is elsewhere, and what is sealed here does not change any more.
      this.#deps.log.debug('A session is sealed that could not be marked', {
        accountId,
        error: toError(thrown).message,
      });
      return opened.generation + 1;
    });
  }
}
