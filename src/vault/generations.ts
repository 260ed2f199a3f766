import type { AccountId } from '../accounts/ids.ts';
import type { SnapshotBackup } from './snapshot-backup.ts';
import type { SnapshotIndex } from './snapshot-index.ts';
import type { VaultFolder } from './vault-folder.ts';

/** The source that is the vault itself; the others have the names of the backups. */
export const DISK = 'disk';

/** One copy of a generation. */
export interface Copy {
  readonly source: string;
  /** Null for the disk. */
  readonly backup: SnapshotBackup | null;
  read(): AsyncIterable<Uint8Array>;
}

export interface Generation {
  readonly generation: number;
  /** The key that it needs, as the index says; undefined if it is not entered. */
  readonly keyId: string | undefined;
  /** The disk's first; none if they are all lost. */
  readonly copies: readonly Copy[];
}

/** Where snapshots are, and what knows of them. */
export interface SnapshotPlaces {
  readonly folder: VaultFolder;
  readonly index: SnapshotIndex;
  readonly backups: readonly SnapshotBackup[];
}

/**
 * Every generation of an account that the disk or the index knows of, newest first, and where its copies are. Those up to
 * `wipedThrough` were destroyed and count no more.
 */
export async function findGenerations(
  { folder, index, backups }: SnapshotPlaces,
  accountId: AccountId,
): Promise<{ readonly generations: readonly Generation[]; readonly wipedThrough: number }> {
  const [onDisk, { snapshots, wipedThrough }] = await Promise.all([
    folder.list(accountId),
    index.find(accountId),
  ]);
  const entered = new Map(snapshots.map((snapshot) => [snapshot.generation, snapshot]));
  const numbers = [...new Set([...onDisk, ...entered.keys()])].sort((a, b) => b - a);
  const generations = numbers.map((generation) => {
    const disk: Copy = { source: DISK, backup: null, read: () => folder.read(accountId, generation) };
    const copies = backups
      .filter(({ name }) => entered.get(generation)?.copies.includes(name))
      .map((backup): Copy => {
        return { source: backup.name, backup, read: () => backup.read(accountId, generation) };
      });
    const { keyId } = entered.get(generation) ?? {};
    return { generation, keyId, copies: onDisk.includes(generation) ? [disk, ...copies] : copies };
  });
  return { generations, wipedThrough };
}
