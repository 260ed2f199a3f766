/**
 * The vault: every account's sealed snapshots. The disk has the newest generations, the backups (PostgreSQL, and S3 if
 * configured) hold copies, and the index in PostgreSQL knows which generation is the newest, so that one that was taken
 * away is missed. Generations are numbered upwards for ever: one that was destroyed never comes back under its number.
 * Whatever is cut off here at any step is completed by the next call.
 */
import type { AccountId } from '../accounts/ids.ts';
import type { Clock } from '../lib/clock.ts';
import { isAppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { AbsentWaits } from './absent-generation.ts';
import { type ChooseAccounts, catchUpWith, settleFiles } from './catching-up.ts';
import { findGenerations } from './generations.ts';
import { readKeyId, requireKeyOf } from './key-requirement.ts';
import type { KeyRing } from './key-ring.ts';
import { packFolder } from './profile-archive.ts';
import { sealStream } from './sealed-stream.ts';
import { saveSealingLease } from './sealing-lease.ts';
import type { SnapshotName } from './snapshot.ts';
import type { SnapshotBackup } from './snapshot-backup.ts';
import type { NewSnapshot, SnapshotIndex } from './snapshot-index.ts';
import { keepSnapshot } from './snapshot-keeping.ts';
import { type OpenedSnapshot, type Opening, openNewest } from './snapshot-opening.ts';
import { wipeSnapshots } from './snapshot-wiping.ts';
import type { VaultFolder } from './vault-folder.ts';
import type { VaultStep } from './vault-step.ts';

/** A vault without an account is left alone this long. */
const ORPHAN_AFTER_MS = 30 * 24 * 3_600_000;

export interface VaultDeps {
  readonly folder: VaultFolder;
  readonly keyRing: KeyRing;
  readonly index: SnapshotIndex;
  readonly backups: readonly SnapshotBackup[];
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly log: Logger;
  /** Told after each step. */
  readonly onStep: (step: VaultStep) => void;
  /** Told what became of each snapshot; of one that was not sealed whoever wanted it tells. */
  readonly onOutcome?: (outcome: SnapshotOutcome) => void;
}

/**
 * `sealed` on the disk, or `seal_failed` before it was; then `kept` (entered in the index, and copied if that was due) or
 * `keep_failed`, which is made up for later.
 */
export const SNAPSHOT_OUTCOMES = ['sealed', 'seal_failed', 'kept', 'keep_failed'] as const;
export type SnapshotOutcome = (typeof SNAPSHOT_OUTCOMES)[number];

/** The newest generation of an account that was ever sealed or destroyed, 0 if none was, and whether one is left. */
export interface NewestSnapshot {
  readonly generation: number;
  readonly isSealed: boolean;
  /** Of the lease under which the account's profile was begun to be used last; null if none is known. */
  readonly profileEpoch: number | null;
}

/** Which snapshot is sealed: when it was taken, if not now, and of the lease under which its profile was used, if any. */
export type SealingName = SnapshotName & Pick<NewSnapshot, 'profileEpoch'> & { readonly takenAt?: Date };

export class Vault {
  readonly #deps: VaultDeps;
  readonly #waits: AbsentWaits;

  constructor(deps: VaultDeps) {
    this.#deps = deps;
    this.#waits = new AbsentWaits(deps.clock);
  }

  /**
   * Resolves if a key is here that the newest snapshot needs, or there is none: see `requireKeyOf`.
   * @throws AppError VAULT_KEY_MISSING, VAULT_STORAGE_FAILED
   */
  requireKey(accountId: AccountId): Promise<void> {
    return requireKeyOf(this.#deps, accountId);
  }

  async findNewest(accountId: AccountId): Promise<NewestSnapshot> {
    const { generations, wipedThrough, profileEpoch } = await findGenerations(this.#deps, accountId);
    const newest = generations[0]?.generation ?? 0;
    return { generation: Math.max(newest, wipedThrough), isSealed: newest > wipedThrough, profileEpoch };
  }

  /**
   * Says that the profile of the account is used here from now on, under the lease of this epoch, and in which folder. What was
   * sealed here under the one before is entered by then.
   * @throws LeaseLostError if that lease is over; AppError VAULT_STORAGE_FAILED
   */
  async saveUse(accountId: AccountId, epoch: number, place: string): Promise<void> {
    await settleFiles(this.#deps, accountId);
    await this.#deps.index.saveUse(accountId, epoch, place);
  }

  /** Folders in which the profile that was begun to be used last may lie open; none if it was sealed since. */
  findPlaces(accountId: AccountId): Promise<readonly string[]> {
    return this.#deps.index.findPlaces(accountId);
  }

  /** @throws LeaseLostError if no lease of the account is held here any more, or another one than this */
  savePlaces(accountId: AccountId, places: readonly string[], epoch?: number): Promise<void> {
    return this.#deps.index.savePlaces(accountId, places, epoch);
  }

  /** @throws LeaseLostError if another instance has the account by now */
  clearPlaces(accountId: AccountId): Promise<void> {
    return this.#deps.index.clearPlaces(accountId);
  }

  /** Whether whoever takes the account finds this generation, or has no use for it: a newer one counts, or none at all. */
  async isReachable({ accountId, generation }: SnapshotName): Promise<boolean> {
    const { alive, wipedThrough } = await findGenerations(this.#deps, accountId);
    const found = alive.find((each) => each.generation >= generation);
    if (generation <= wipedThrough || (found !== undefined && found.generation > generation)) return true;
    return (found?.entry?.copies.length ?? 0) > 0;
  }

  /**
   * Seals the named entries of a folder as a generation, on the disk alone: see `keep` for the rest. A folder that is the
   * copy of one that goes on says when it was taken: what happened there since is missing.
   * @throws AppError VAULT_STORAGE_FAILED
   */
  async seal(
    { accountId, generation, takenAt, profileEpoch }: SealingName,
    folder: string,
    entries: readonly string[],
  ): Promise<NewSnapshot> {
    const { keyRing, clock, folder: disk, onOutcome } = this.#deps;
    const identity = { accountId, generation, sealedAt: takenAt ?? new Date(clock.now()) };
    const sealed = sealStream(packFolder(folder, entries), { identity, keyRing });
    if (profileEpoch !== null) await saveSealingLease(disk, identity, profileEpoch);
    const bytes = await disk.write(accountId, generation, sealed);
    onOutcome?.('sealed');
    return { ...identity, keyId: keyRing.currentKeyId, bytes, profileEpoch };
  }

  /**
   * Enters a sealed snapshot into the index, copies it to the backups if asked to, and removes old generations. Never
   * rejects: the snapshot is safe on disk, and what could not be reached is logged and left for the next one, or for
   * `catchUp`; then it is false. Nothing is left of one that was destroyed before, or meanwhile by another instance.
   */
  async keep(snapshot: NewSnapshot, { backUp }: { readonly backUp: boolean }): Promise<boolean> {
    const isWhole = await keepSnapshot(this.#deps, snapshot, backUp ? this.#deps.backups : []);
    this.#deps.onOutcome?.(isWhole ? 'kept' : 'keep_failed');
    return isWhole;
  }

  /** Completes what `keep` could not for sessions that rest: see `catchUpWith`. Returns how many. */
  catchUp(choose: ChooseAccounts, signal: AbortSignal): Promise<number> {
    return catchUpWith(this.#deps, { choose, signal });
  }

  /**
   * Opens the newest snapshot that is any good into a new folder; undefined if there is none: see `openNewest`.
   * @throws AwaitedGenerationError; AppError VAULT_KEY_MISSING, VAULT_STORAGE_FAILED, VAULT_DAMAGED, DISK_FULL
   */
  open(accountId: AccountId, into: Omit<Opening, 'accountId'>): Promise<OpenedSnapshot | undefined> {
    return openNewest({ ...this.#deps, waits: this.#waits }, { ...into, accountId });
  }

  /** From now on no snapshot of the account up to this generation counts any more, wherever one is found. */
  async markDestroyed(accountId: AccountId, through: number): Promise<void> {
    const { outdated } = await findGenerations(this.#deps, accountId);
    await this.#deps.index.saveWiped(accountId, Math.max(through, ...outdated));
    this.#deps.onStep('wipe-marked');
  }

  /** Clears up what was begun to be written on disk and cut off; returns how many files that were. */
  tidy(): Promise<number> {
    return this.#deps.folder.removeParts(this.#deps.clock.now());
  }

  /**
   * Removes vaults on disk whose account is gone, that nobody has written to for a month and whose every generation needs a
   * key that is here: a daemon that was given the wrong database for a day, or shares the folder with another daemon, must
   * not take all vaults for orphans. Returns how many.
   */
  async removeOrphans(isKept: ChooseAccounts): Promise<number> {
    const { folder, clock, log } = this.#deps;
    const accounts = await folder.listAccounts();
    const kept = await isKept(accounts);
    let removed = 0;
    for (const accountId of accounts.filter((each) => !kept.has(each))) {
      if (clock.now() - (await folder.lastWrittenAt(accountId)) < ORPHAN_AFTER_MS) continue;
      const generations = await folder.list(accountId);
      if (!(await this.#isOurs(accountId, generations))) continue;
      await folder.remove(accountId, generations);
      log.warn('The vault of an account that is gone was removed', { accountId });
      removed += 1;
    }
    return removed;
  }

  /** Every generation on disk says that it needs a key of this daemon; false if there is none. */
  async #isOurs(accountId: AccountId, generations: readonly number[]): Promise<boolean> {
    const { folder, keyRing } = this.#deps;
    for (const generation of generations) {
      try {
        const keyId = await readKeyId({ read: () => folder.read(accountId, generation) });
        if (keyId === undefined || !keyRing.keyIds.includes(keyId)) return false;
      } catch (thrown) {
        // What cannot be read says of nobody that it is his.
        if (!isAppError(thrown)) throw thrown;
        return false;
      }
    }
    return generations.length > 0;
  }

  /** Completes the destructions that were cut off, or had a backup that could not be reached. Returns how many. */
  async finishWipes(): Promise<number> {
    const { index, folder, log } = this.#deps;
    const wiped = await index.listWiped(await folder.listAccounts());
    const accounts = new Set([...(await index.listUnfinishedWipes()), ...wiped]);
    let finished = 0;
    for (const accountId of accounts) {
      try {
        if (await this.wipe(accountId)) finished += 1;
      } catch (thrown) {
        const error = toError(thrown).message;
        log.warn('Copies of a destroyed session are left where they cannot be reached', { accountId, error });
      }
    }
    return finished;
  }

  /**
   * Removes every snapshot that was marked as destroyed, and every copy of it; true if there was one: see `wipeSnapshots`.
   * @throws AppError VAULT_STORAGE_FAILED if a backup cannot be reached; `finishWipes` tries again
   */
  wipe(accountId: AccountId): Promise<boolean> {
    return wipeSnapshots(this.#deps, accountId);
  }
}
