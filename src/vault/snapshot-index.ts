import type { AccountId } from '../accounts/ids.ts';

/** A sealed snapshot, as the index knows it. */
export interface SnapshotRecord {
  readonly accountId: AccountId;
  readonly generation: number;
  readonly sealedAt: Date;
  readonly keyId: string;
  /** Size of its file. */
  readonly bytes: number;
}

/** The same, with the backups that hold a copy of it, by their names. */
export interface IndexedSnapshot extends SnapshotRecord {
  readonly copies: readonly string[];
}

/** What is known of an account's vault. */
export interface VaultEntry {
  /** Newest first. */
  readonly snapshots: readonly IndexedSnapshot[];
  /**
   * Generations up to this one were destroyed by intent, even where a copy of one is still found; 0 if none were. Later
   * ones have higher numbers, so that no copy is ever taken for another.
   */
  readonly wipedThrough: number;
}

/** The index of all snapshots. Each call is one transaction and may be repeated. */
export interface SnapshotIndex {
  find(accountId: AccountId): Promise<VaultEntry>;
  save(snapshot: SnapshotRecord): Promise<void>;
  saveCopy(accountId: AccountId, generation: number, backup: string): Promise<void>;
  removeCopies(accountId: AccountId, generations: readonly number[], backup: string): Promise<void>;
  remove(accountId: AccountId, generations: readonly number[]): Promise<void>;
  /** Says that an account's link is over, and every generation up to this one with it. */
  saveWiped(accountId: AccountId, through: number): Promise<void>;
  /** Accounts whose vault was destroyed, and of which a snapshot is still entered. */
  listUnfinishedWipes(): Promise<readonly AccountId[]>;
}
