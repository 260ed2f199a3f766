import type { AccountId } from '../accounts/ids.ts';
import type { SnapshotName } from './snapshot.ts';

/** A sealed file to copy. */
export interface SnapshotFile extends SnapshotName {
  readonly path: string;
  /** Size of the file. */
  readonly bytes: number;
}

/** A place beside the disk where copies of sealed snapshots are kept. It never sees what is in them. */
export interface SnapshotBackup {
  /** As it stands in the index, and in what operators read: `database`, `s3`. */
  readonly name: string;
  /** Copies the file, whole or not at all, in the place of an earlier copy. @throws AppError VAULT_STORAGE_FAILED */
  save(snapshot: SnapshotFile): Promise<void>;
  /**
   * The bytes of a copy. The stream fails with VAULT_STORAGE_FAILED if it cannot be reached now, and with VAULT_DAMAGED
   * if there is no such copy: another one, or an older generation, has to do.
   */
  read(accountId: AccountId, generation: number): AsyncIterable<Uint8Array>;
  /** Removes copies. Those that are gone are no error. @throws AppError VAULT_STORAGE_FAILED */
  remove(accountId: AccountId, generations: readonly number[]): Promise<void>;
}
