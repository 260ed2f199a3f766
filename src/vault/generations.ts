import type { AccountId } from '../accounts/ids.ts';
import { makeAbsentBackup } from './absent-backup.ts';
import { findOutdatedFiles } from './outdated-files.ts';
import type { SnapshotBackup } from './snapshot-backup.ts';
import type { IndexedSnapshot, SnapshotIndex } from './snapshot-index.ts';
import type { VaultFolder } from './vault-folder.ts';

/** The source that is the vault itself; the others have the names of the backups. */
export const DISK = 'disk';

/** Generations that are kept on disk, and in each of the backups. */
export const KEPT_ON_DISK = 3;
export const KEPT_IN_BACKUPS = 2;

/** One copy of a generation. */
export interface Copy {
  readonly source: string;
  /** Null for the disk. */
  readonly backup: SnapshotBackup | null;
  read(): AsyncIterable<Uint8Array>;
}

export interface Generation {
  readonly generation: number;
  /** What the index says of it; undefined if it is not entered. */
  readonly entry: IndexedSnapshot | undefined;
  /** The disk's first; none if they are all lost. */
  readonly copies: readonly Copy[];
}

/** Where snapshots are, and what knows of them. */
export interface SnapshotPlaces {
  readonly folder: VaultFolder;
  readonly index: SnapshotIndex;
  readonly backups: readonly SnapshotBackup[];
}

/** What is known of an account's generations. */
export interface FoundGenerations {
  /** Newest first, those that were destroyed among them. */
  readonly generations: readonly Generation[];
  /** Those that still count. */
  readonly alive: readonly Generation[];
  /** On this disk, and not what their numbers say: see `findOutdatedFiles`. They are not among the generations. */
  readonly outdated: readonly number[];
  /** Generations up to this one were destroyed and count no more. */
  readonly wipedThrough: number;
  /** False if another instance holds the account: a copy may then lie on its disk. */
  readonly isHeldHere: boolean;
  /** Of the lease under which the account's profile was begun to be used last; null if none is known. */
  readonly profileEpoch: number | null;
}

/**
 * Every generation of an account that the disk or the index knows of, and where its copies are. One in a backup that is
 * not configured any more is named too; it is out of reach.
 */
export async function findGenerations(
  { folder, index, backups }: SnapshotPlaces,
  accountId: AccountId,
): Promise<FoundGenerations> {
  const [files, known] = await Promise.all([folder.list(accountId), index.find(accountId)]);
  const { snapshots, wipedThrough, isHeldHere, profileEpoch } = known;
  const outdated = await findOutdatedFiles(folder, accountId, files, known);
  const onDisk = files.filter((generation) => !outdated.includes(generation));
  const entered = new Map(snapshots.map((snapshot) => [snapshot.generation, snapshot]));
  const numbers = [...new Set([...onDisk, ...entered.keys()])].sort((a, b) => b - a);
  const generations = numbers.map((generation) => {
    const entry = entered.get(generation);
    const names = entry?.copies ?? [];
    const disk: Copy = { source: DISK, backup: null, read: () => folder.read(accountId, generation) };
    const configured = backups.filter(({ name }) => names.includes(name));
    const absent = names.filter((name) => backups.every((backup) => backup.name !== name));
    const copies = [...configured, ...absent.map(makeAbsentBackup)].map((backup): Copy => {
      return { source: backup.name, backup, read: () => backup.read(accountId, generation) };
    });
    return { generation, entry, copies: onDisk.includes(generation) ? [disk, ...copies] : copies };
  });
  const alive = generations.filter(({ generation }) => generation > wipedThrough);
  return { generations, alive, outdated, wipedThrough, isHeldHere, profileEpoch };
}
