/**
 * The vault: every account's sealed snapshots. The disk has the newest generations, the backups (PostgreSQL, and S3 if
 * configured) hold copies, and the index in PostgreSQL knows which generation is the newest, so that one that was taken
 * away is missed. Generations are numbered upwards for ever: one that was destroyed never comes back under its number.
 * Whatever is cut off here at any step is completed by the next call.
 */
import { rm } from 'node:fs/promises';
import type { AccountId } from '../accounts/ids.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, isAppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { type Copy, findGenerations } from './generations.ts';
import { type KeyRing, makeKeyMissing } from './key-ring.ts';
import { packFolder, unpackInto } from './profile-archive.ts';
import { openStream, peekHeader, sealStream } from './sealed-stream.ts';
import type { SnapshotName } from './snapshot.ts';
import type { SnapshotBackup } from './snapshot-backup.ts';
import type { SnapshotIndex, SnapshotRecord } from './snapshot-index.ts';
import type { VaultFolder } from './vault-folder.ts';
import type { VaultStep } from './vault-step.ts';

/** Generations that are kept on disk, and in each of the backups. */
const KEPT_ON_DISK = 3;
const KEPT_IN_BACKUPS = 2;

/** A vault without an account is left alone this long. */
const ORPHAN_AFTER_MS = 30 * 24 * 3_600_000;

/** What a profile may hold: many times the largest that was ever seen, far less than a disk. */
const LIMITS = { maxBytes: 4 * 1024 ** 3, maxEntries: 100_000 } as const;

export interface VaultDeps {
  readonly folder: VaultFolder;
  readonly keyRing: KeyRing;
  readonly index: SnapshotIndex;
  readonly backups: readonly SnapshotBackup[];
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Logger;
  /** Told after each step. */
  readonly onStep: (step: VaultStep) => void;
}

/** The newest generation of an account that was ever sealed or destroyed, 0 if none was, and whether one is left. */
export interface NewestSnapshot {
  readonly generation: number;
  readonly isSealed: boolean;
}

/** A snapshot that was opened, and where it came from: the disk or the name of a backup. */
export interface OpenedSnapshot {
  readonly generation: number;
  readonly source: string;
}

/** Looks at an unpacked profile; a sentence if it is damaged. */
export type FindDamage = (folder: string) => Promise<string | undefined>;

export class Vault {
  readonly #deps: VaultDeps;

  constructor(deps: VaultDeps) {
    this.#deps = deps;
  }

  /**
   * Resolves if the newest snapshot is one of a key that is here, or there is none. Whoever seals with another key would
   * push those of the right one out.
   * @throws AppError VAULT_KEY_MISSING
   */
  async requireKey(accountId: AccountId): Promise<void> {
    const { keyRing } = this.#deps;
    const { generations, wipedThrough } = await findGenerations(this.#deps, accountId);
    const [newest] = generations;
    if (newest === undefined || newest.generation <= wipedThrough) return;
    const keyId = newest.keyId ?? (await findKeyId(newest.copies));
    if (keyId === undefined || keyRing.keyIds.includes(keyId)) return;
    throw makeKeyMissing({ accountId, generation: newest.generation }, keyId, keyRing);
  }

  async findNewest(accountId: AccountId): Promise<NewestSnapshot> {
    const { generations, wipedThrough } = await findGenerations(this.#deps, accountId);
    const newest = generations[0]?.generation ?? 0;
    return { generation: Math.max(newest, wipedThrough), isSealed: newest > wipedThrough };
  }

  /**
   * Seals the named entries of a folder as a generation, on the disk alone: see `keep` for the rest.
   * @throws AppError VAULT_STORAGE_FAILED
   */
  async seal(
    { accountId, generation }: { readonly accountId: AccountId; readonly generation: number },
    folder: string,
    entries: readonly string[],
  ): Promise<SnapshotRecord> {
    const { keyRing, clock, folder: disk } = this.#deps;
    const identity = { accountId, generation, sealedAt: new Date(clock.now()) };
    const sealed = sealStream(packFolder(folder, entries), { identity, keyRing });
    const bytes = await disk.write(accountId, generation, sealed);
    return { ...identity, keyId: keyRing.currentKeyId, bytes };
  }

  /**
   * Enters a sealed snapshot into the index, copies it to the backups if asked to, and removes old generations. Never
   * rejects: the snapshot is safe on disk, and what could not be reached is logged and left for the next one; then it is
   * false. Nothing is left of one that was destroyed before, or meanwhile by another instance.
   */
  async keep(snapshot: SnapshotRecord, options: { readonly backUp: boolean }): Promise<boolean> {
    const { index, log, onStep } = this.#deps;
    const { accountId, generation } = snapshot;
    try {
      if (await this.#dropDestroyed(snapshot)) return true;
      await index.save(snapshot);
      onStep('snapshot-indexed');
      const isBackedUp = !options.backUp || (await this.#backUp(snapshot));
      if (await this.#dropDestroyed(snapshot)) return true;
      await this.#prune(accountId);
      onStep('snapshots-pruned');
      return isBackedUp;
    } catch (thrown) {
      const error = toError(thrown).message;
      log.warn('A sealed session is on disk, but could not be entered or copied', {
        accountId,
        generation,
        error,
      });
      return false;
    }
  }

  /** True if the snapshot was destroyed; a copy may have come after its entry was gone. */
  async #dropDestroyed({ accountId, generation }: SnapshotName): Promise<boolean> {
    const { index, backups } = this.#deps;
    const { wipedThrough } = await index.find(accountId);
    if (generation > wipedThrough) return false;
    for (const backup of backups) await backup.remove(accountId, [generation]);
    await this.wipe(accountId);
    return true;
  }

  /** True if every backup has its copy. */
  async #backUp(snapshot: SnapshotRecord): Promise<boolean> {
    const { accountId, generation } = snapshot;
    const { backups, folder, index, log, onStep } = this.#deps;
    let isWhole = true;
    for (const backup of backups) {
      try {
        await backup.save({ ...snapshot, path: folder.pathOf(accountId, generation) });
        onStep('snapshot-copied');
        await index.saveCopy(accountId, generation, backup.name);
        onStep('snapshot-backed-up');
      } catch (thrown) {
        isWhole = false;
        const error = toError(thrown).message;
        log.warn('A copy of a sealed session was not made', {
          accountId,
          generation,
          backup: backup.name,
          error,
        });
      }
    }
    return isWhole;
  }

  /** What is older than the kept generations goes: copies before their entries, which alone say where they are. */
  async #prune(accountId: AccountId): Promise<void> {
    const { folder, backups, index } = this.#deps;
    const onDisk = await folder.list(accountId);
    const kept = onDisk.slice(0, KEPT_ON_DISK);
    // Before the backups: one that lets nothing be removed must not fill the disk.
    await folder.remove(accountId, onDisk.slice(KEPT_ON_DISK));
    const { snapshots, wipedThrough } = await index.find(accountId);
    for (const backup of backups) {
      const held = snapshots.filter(({ copies }) => copies.includes(backup.name));
      const alive = held.filter(({ generation }) => generation > wipedThrough);
      const old = [...alive.slice(KEPT_IN_BACKUPS), ...held.filter((each) => !alive.includes(each))];
      await this.#removeCopies(
        accountId,
        old.map(({ generation }) => generation),
        backup,
      );
    }
    const left = await index.find(accountId);
    const isGone = ({ generation, copies }: (typeof left.snapshots)[number]) =>
      copies.length === 0 && !kept.includes(generation);
    // The newest stays known even if every copy of it is lost: that is what the index is for.
    const gone = left.snapshots.slice(1).filter(isGone);
    const numbers = gone.map(({ generation }) => generation);
    if (numbers.length === 0) return;
    // A crash may have come between a copy and its entry.
    for (const backup of backups) await backup.remove(accountId, numbers);
    await index.remove(accountId, numbers);
  }

  async #removeCopies(
    accountId: AccountId,
    generations: readonly number[],
    backup: SnapshotBackup,
  ): Promise<void> {
    if (generations.length === 0) return;
    await backup.remove(accountId, generations);
    this.#deps.onStep('copies-pruned');
    await this.#deps.index.removeCopies(accountId, generations, backup.name);
  }

  /**
   * Opens the newest snapshot that is any good into a new folder; undefined if there is none. Each generation is looked
   * for on disk first, then in the backups; an older one is taken only if no copy of a newer one opens undamaged, and
   * that is logged. Nothing is left of the folder if it fails.
   * @throws AppError VAULT_KEY_MISSING; VAULT_DAMAGED if none is any good; VAULT_STORAGE_FAILED if a better one may be
   * where it cannot be reached now
   */
  async open(
    accountId: AccountId,
    folder: string,
    findDamage: FindDamage,
  ): Promise<OpenedSnapshot | undefined> {
    const { generations, wipedThrough } = await findGenerations(this.#deps, accountId);
    const alive = generations.filter(({ generation }) => generation > wipedThrough);
    const failures: string[] = [];
    for (const { generation, copies } of alive) {
      if (copies.length === 0) failures.push(`No copy of generation ${generation} is left.`);
      let unreached: AppError | undefined;
      for (const copy of copies) {
        const failure = await this.#tryCopy({ accountId, generation, copy, folder, findDamage });
        if (failure === undefined) {
          const { source } = copy;
          this.#tellOpened({ accountId, generation, source, failures });
          return { generation, source };
        }
        failures.push(`Generation ${generation} (${copy.source}): ${failure.message}`);
        if (failure.code === 'VAULT_STORAGE_FAILED') unreached = failure;
      }
      if (unreached) throw unreached;
    }
    if (alive.length === 0) return undefined;
    throw new AppError('VAULT_DAMAGED', {
      message: `No sealed copy of the session can be used. ${failures.join(' ')}`,
    });
  }

  /** Unpacks one copy; what is wrong with it, or nothing. Only a missing key is thrown: other copies lack it too. */
  async #tryCopy({
    accountId,
    generation,
    copy,
    folder,
    findDamage,
  }: Attempt): Promise<AppError | undefined> {
    const { keyRing, onStep } = this.#deps;
    try {
      onStep('opening-begun');
      await unpackInto(openStream(copy.read(), { accountId, generation, keyRing }), folder, LIMITS);
      onStep('opening-unpacked');
      const damage = await findDamage(folder);
      if (damage !== undefined) throw new AppError('VAULT_DAMAGED', { message: damage });
      onStep('opening-checked');
      return undefined;
    } catch (thrown) {
      await rm(folder, { recursive: true, force: true });
      if (isAppError(thrown, 'VAULT_KEY_MISSING')) throw thrown;
      if (thrown instanceof AppError) return thrown;
      const { message } = toError(thrown);
      return new AppError('VAULT_STORAGE_FAILED', { message, cause: thrown });
    }
  }

  #tellOpened(opened: OpenedSnapshot & { accountId: AccountId; failures: readonly string[] }): void {
    const { failures, ...fields } = opened;
    if (failures.length === 0) this.#deps.log.debug('A sealed session was opened', fields);
    else
      this.#deps.log.warn('A sealed session was opened from another copy than the newest', {
        ...fields,
        failures,
      });
  }

  /** From now on no snapshot of the account up to this generation counts any more, wherever one is found. */
  async markDestroyed(accountId: AccountId, through: number): Promise<void> {
    await this.#deps.index.saveWiped(accountId, through);
    this.#deps.onStep('wipe-marked');
  }

  /** Clears up what an earlier run began to write. */
  async tidy(): Promise<void> {
    await this.#deps.folder.removeParts(this.#deps.clock.now());
  }

  /**
   * Removes vaults on disk whose account is gone and that nobody has written to for a month: a daemon that was given the
   * wrong database for a day must not take all vaults for orphans. Returns how many.
   */
  async removeOrphans(
    isKept: (ids: readonly AccountId[]) => Promise<ReadonlySet<AccountId>>,
  ): Promise<number> {
    const { folder, clock, log } = this.#deps;
    const accounts = await folder.listAccounts();
    const kept = await isKept(accounts);
    let removed = 0;
    for (const accountId of accounts.filter((each) => !kept.has(each))) {
      if (clock.now() - (await folder.lastWrittenAt(accountId)) < ORPHAN_AFTER_MS) continue;
      await folder.remove(accountId, await folder.list(accountId));
      log.warn('The vault of an account that is gone was removed', { accountId });
      removed += 1;
    }
    return removed;
  }

  /** Completes the destructions that were cut off, or had a backup that could not be reached. Returns how many. */
  async finishWipes(): Promise<number> {
    const { index, folder, log } = this.#deps;
    const accounts = new Set([...(await index.listUnfinishedWipes()), ...(await folder.listAccounts())]);
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
   * Removes every snapshot that was marked as destroyed, and every copy of it; true if there was one. Safe to call again.
   * @throws AppError VAULT_STORAGE_FAILED if a backup cannot be reached; `finishWipes` tries again
   */
  async wipe(accountId: AccountId): Promise<boolean> {
    const { folder, backups, index, onStep } = this.#deps;
    const { snapshots, wipedThrough } = await index.find(accountId);
    const isWiped = (generation: number) => generation <= wipedThrough;
    await folder.removePartsThrough(accountId, wipedThrough);
    const onDisk = (await folder.list(accountId)).filter(isWiped);
    const entered = snapshots.map(({ generation }) => generation).filter(isWiped);
    if (onDisk.length + entered.length === 0) return false;
    await folder.remove(accountId, onDisk);
    onStep('wipe-disk-removed');
    // Also where the index knows of no copy: a crash may have come between a copy and its entry.
    const outcomes = await Promise.allSettled(backups.map((backup) => backup.remove(accountId, entered)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
    onStep('wipe-copies-removed');
    await index.remove(accountId, entered);
    onStep('wipe-done');
    return true;
  }
}

/** As the first copy says itself: a crash may have come before its entry. Whether it is whole shows when it is opened. */
async function findKeyId([copy]: readonly Copy[]): Promise<string | undefined> {
  if (copy === undefined) return undefined;
  try {
    await using file = await peekHeader(copy.read());
    const { method } = file.header;
    return method.kind === 'key-ring' ? method.keyId : undefined;
  } catch {
    // Damaged, or out of reach: that is told where it is opened.
    return undefined;
  }
}

interface Attempt {
  readonly accountId: AccountId;
  readonly generation: number;
  readonly copy: Copy;
  readonly folder: string;
  readonly findDamage: FindDamage;
}
