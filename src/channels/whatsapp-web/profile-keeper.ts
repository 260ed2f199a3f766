/**
 * Profiles are open only while a browser runs: taken out of the vault before a life of the browser, sealed while it runs
 * and when the session has ended. What was sealed lies open no longer than it takes others to find the snapshot: see
 * `SealedProfiles`. What is done to the profile of an account is done here in its turn.
 */
import type { AccountId } from '../../accounts/ids.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import type { FindLease } from '../../instances/lease.ts';
import { withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { toError } from '../../lib/errors.ts';
import { KeyedSerial } from '../../lib/keyed-serial.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Vault } from '../../vault/vault.ts';
import type { VaultStep } from '../../vault/vault-step.ts';
import { OpenProfiles } from './open-profiles.ts';
import { listProfiles } from './profile.ts';
import { ProfileOpening, type ProfileOpeningDeps, type TakenFrom } from './profile-opening.ts';
import { ProfilePlaces } from './profile-places.ts';
import { ProfileRemoval } from './profile-removal.ts';
import { ProfileSealing } from './profile-sealing.ts';
import { tidyProfiles } from './profile-takeover.ts';
import { SealedProfiles } from './sealed-profiles.ts';
import { SnapshotCopies } from './snapshot-copies.ts';

export interface ProfileKeeperDeps {
  readonly runtimePath: string;
  readonly vault: Vault;
  readonly timings: Pick<
    SessionTimings,
    | 'backupIntervalMs'
    | 'sharedBackupIntervalMs'
    | 'freezeDeadlineMs'
    | 'freeDiskBytes'
    | 'profileDeadlineMs'
    | 'lastWritesMs'
  >;
  readonly clock: Clock;
  readonly log: Logger;
  /** Under which the profile of an account is used. */
  readonly findLease: FindLease;
  /** Whether other instances share the database. */
  readonly hasOthers: () => boolean;
  readonly onRestored: ProfileOpeningDeps['onRestored'];
  /** Told after each step. */
  readonly onStep: (step: VaultStep) => void;
  /** Told of each profile that was to be sealed and was not. */
  readonly onSealFailed?: () => void;
}

/** What sessions ask of it: their own profile alone. */
export type SessionProfile = Pick<
  ProfileKeeper,
  'takeOut' | 'isSealed' | 'snapshot' | 'copyWhenDue' | 'discard'
>;

export class ProfileKeeper {
  readonly #deps: ProfileKeeperDeps;
  readonly #turns = new KeyedSerial<AccountId>();
  /** One profile is frozen and sealed at a time: all sessions that were restored together are due together. */
  readonly #freezes = new KeyedSerial<'freeze'>();
  readonly #profiles: OpenProfiles;
  readonly #copies: SnapshotCopies;
  /** Those that are to be removed here once others find their snapshots. */
  readonly #sealed: SealedProfiles;
  readonly #opening: ProfileOpening;
  readonly #removal: ProfileRemoval;
  readonly #sealing: ProfileSealing;

  constructor(deps: ProfileKeeperDeps) {
    const profiles = new OpenProfiles(deps);
    const copies = new SnapshotCopies(deps);
    const places = new ProfilePlaces(deps);
    const sealed = new SealedProfiles({ ...deps, turns: this.#turns });
    const opening = new ProfileOpening({ ...deps, profiles, places, sealed });
    const removal = new ProfileRemoval({ ...deps, profiles, places, copies, sealed });
    this.#deps = deps;
    this.#profiles = profiles;
    this.#copies = copies;
    this.#sealed = sealed;
    this.#opening = opening;
    this.#removal = removal;
    this.#sealing = new ProfileSealing({ ...deps, profiles, opening, removal, copies, sealed });
  }

  /** Clears up after an earlier run, before anything is opened: see `tidyProfiles`. No browser runs. */
  async tidy(formerPaths: readonly string[]): Promise<void> {
    const { runtimePath, vault, log } = this.#deps;
    await tidyProfiles(runtimePath, formerPaths, log);
    await vault.tidy();
  }

  /** Completes the destructions that an earlier run could not. Never rejects; it may wait for a backup. */
  async finishWipes(): Promise<void> {
    try {
      await this.#deps.vault.finishWipes();
    } catch (thrown) {
      this.#deps.log.warn('What was destroyed could not be looked through', {
        error: toError(thrown).message,
      });
    }
  }

  /** Accounts whose profile is open. */
  async listOpen(): Promise<readonly AccountId[]> {
    const profiles = await listProfiles(this.#deps.runtimePath);
    return profiles.filter(({ isRemnant }) => !isRemnant).map(({ accountId }) => accountId);
  }

  /** True if a snapshot of the account is there to fall back on. */
  isSealed(accountId: AccountId): boolean {
    return this.#profiles.find(accountId)?.isSealed === true;
  }

  /**
   * Opens the profile, unless it is open and good. The account's browser is gone. Once the signal has aborted nothing is
   * put in the profile's place any more.
   * @throws LeaseLostError; AwaitedGenerationError; AppError VAULT_KEY_MISSING, VAULT_DAMAGED, VAULT_STORAGE_FAILED, DISK_FULL;
   * the signal's reason; and what the database and `onRestored` throw
   */
  takeOut(accountId: AccountId, signal?: AbortSignal): Promise<TakenFrom> {
    return this.#turns.run(accountId, () => this.#opening.takeOut(accountId, signal));
  }

  /**
   * Looks at what a browser is about to be launched on: whoever came for the profile since it was taken out has left no folder,
   * or one that is somebody else's.
   * @throws AppError SESSION_FAULT if it does not lie there as it was taken out
   */
  requireOpen(accountId: AccountId): Promise<void> {
    return this.#profiles.requireOpen(accountId);
  }

  /**
   * Seals a snapshot of the profile while its browser runs, which stands still for some milliseconds, and copies it
   * elsewhere if that is due. Never rejects: one that failed is logged, and the next is not far.
   */
  async snapshot(accountId: AccountId): Promise<void> {
    try {
      // The account's own turn comes last: whoever waits for the others to be sealed keeps it from no start.
      const sealed = await this.#freezes.run('freeze', () => this.#sealRunning(accountId));
      await sealed?.copied;
    } catch (thrown) {
      const error = toError(thrown).message;
      this.#deps.log.warn('A running session could not be sealed', { accountId, error });
    }
  }

  /** The same, if a copy of the session is due; true if it was. Never rejects. */
  async copyWhenDue(accountId: AccountId): Promise<boolean> {
    if (!this.#copies.isDue(accountId)) return false;
    await this.snapshot(accountId);
    return true;
  }

  /** One that takes too long goes on, and keeps its own account's turn, but no other account waiting. */
  #sealRunning(accountId: AccountId): Promise<{ readonly copied: Promise<void> } | undefined> {
    const sealing = this.#turns.run(accountId, () => this.#sealing.sealRunning(accountId));
    return withDeadline(sealing, this.#deps.timings.profileDeadlineMs, 'Sealing a running session');
  }

  /**
   * Seals the profile and removes it where it was open; its copies are made afterwards, see `copied`, and where others share
   * the database it is removed only then: until they find the snapshot they may go on with the profile. The account's browser
   * is gone. A profile that cannot be sealed stays where it is for the next start.
   * @throws LeaseLostError; AppError VAULT_STORAGE_FAILED; and what the disk and the database throw
   */
  seal(accountId: AccountId): Promise<void> {
    return this.#turns.run(accountId, () => this.#sealing.sealResting(accountId));
  }

  /** The same, for when nobody can do anything about a failure but read of it in the log. Never rejects. */
  async putAway(accountId: AccountId): Promise<void> {
    try {
      await this.seal(accountId);
    } catch (thrown) {
      const [path, error] = [this.#profiles.pathOf(accountId), toError(thrown).message];
      this.#deps.log.error('A session could not be sealed and stays open', { accountId, path, error });
    }
  }

  /**
   * Resolves when what was sealed so far, of the account or of all, is entered, copied and lies open no more, as far as it can
   * be. Never rejects.
   */
  async copied(accountId?: AccountId): Promise<void> {
    await this.#copies.idle(accountId);
    await this.#sealed.idle(accountId);
  }

  /** True if nothing of the account that was sealed is yet to be entered, copied or removed. */
  isCopied(accountId: AccountId): boolean {
    return this.#copies.isIdle(accountId) && this.#sealed.isIdle(accountId);
  }

  /** Tries again what could not be entered or copied so that others find it: see `SealedProfiles`. Never rejects. */
  settle(signal: AbortSignal): Promise<void> {
    return this.#sealed.settle(signal);
  }

  /** Removes the opened profile without sealing it. The account's browser is gone. */
  discard(accountId: AccountId): Promise<void> {
    return this.#turns.run(accountId, () => this.#removal.remove(accountId));
  }

  /**
   * The same, of an account that another instance holds, once that has begun to use another profile: until then it may come
   * for this one.
   */
  discardOutdated(accountId: AccountId): Promise<void> {
    return this.#turns.run(accountId, () => this.#removal.removeOutdated(accountId));
  }

  /**
   * Destroys the link: the opened profile, every snapshot, every copy. The account's browser is gone. Once it has
   * resolved none of them is ever used again; a copy that cannot be reached is logged and removed later. Safe to call
   * again.
   */
  destroy(accountId: AccountId): Promise<void> {
    return this.#turns.run(accountId, () => this.#removal.destroy(accountId));
  }

  /** The same, if anything is left of one. */
  async destroyLeft(accountId: AccountId): Promise<void> {
    const isLeft = await this.#removal.isAnythingLeft(accountId);
    await (isLeft ? this.destroy(accountId) : this.#removal.wipe(accountId));
  }
}
