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

/** One that was sealed here and may not be entered yet. */
export interface NewSnapshot extends SnapshotRecord {
  /** Of the lease under which its profile was used; null if that was under none. */
  readonly profileEpoch: number | null;
}

/** One that is entered. */
export interface IndexedSnapshot extends SnapshotRecord {
  /** The backups that hold a copy of it, by their names. */
  readonly copies: readonly string[];
  /** Which instance sealed it, on whose disk it lies: this one or another one; unknown of what is from before that was entered. */
  readonly sealer: 'here' | 'elsewhere' | 'unknown';
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
  /** False if another instance holds the account: then there may be copies on a disk that is not ours. */
  readonly isHeldHere: boolean;
  /** Of the lease under which the account's profile was begun to be used last; null if none is known. */
  readonly profileEpoch: number | null;
}

/** Snapshots that one instance holds and that need one key. */
export interface KeyNeed {
  readonly keyId: string;
  /** Null if no instance holds their accounts. */
  readonly instanceId: string | null;
  readonly snapshots: number;
}

/** The index of all snapshots. Each call is one transaction and may be repeated. */
export interface SnapshotIndex {
  find(accountId: AccountId): Promise<VaultEntry>;
  /**
   * Enters a snapshot that was sealed here; safe to call again.
   * @throws AppError VAULT_STORAGE_FAILED, with nothing changed, if another instance holds the account, or has begun to use its
   * profile since that was sealed, under a later lease
   */
  save(snapshot: NewSnapshot): Promise<void>;
  /**
   * Says that the profile of the account is used here from now on, under the lease of this epoch, and in which folder.
   * @throws LeaseLostError, with nothing changed, if that lease is over
   */
  saveUse(accountId: AccountId, epoch: number, place: string): Promise<void>;
  /** Folders in which the profile that was begun to be used last may lie open; none if it was sealed since. */
  findPlaces(accountId: AccountId): Promise<readonly string[]>;
  /** @throws LeaseLostError, with nothing changed, if no lease of the account is held here any more, or another one than this */
  savePlaces(accountId: AccountId, places: readonly string[], epoch?: number): Promise<void>;
  /**
   * Says that nothing of the account lies open any more.
   * @throws LeaseLostError, with nothing changed, if another instance has held it since this one did, or this one again
   */
  clearPlaces(accountId: AccountId): Promise<void>;
  /** Says which key a snapshot needs now; nothing, if it is not entered. */
  saveKey(accountId: AccountId, generation: number, keyId: string): Promise<void>;
  saveCopy(accountId: AccountId, generation: number, backup: string): Promise<void>;
  removeCopies(accountId: AccountId, generations: readonly number[], backup: string): Promise<void>;
  remove(accountId: AccountId, generations: readonly number[]): Promise<void>;
  /** What still needs another key than this one, of all accounts and of all instances that share the database. */
  countOtherKeys(keyId: string): Promise<readonly KeyNeed[]>;
  /** Says that an account's link is over, and with it every generation up to this one and whatever profile lies open. */
  saveWiped(accountId: AccountId, through: number): Promise<void>;
  /** Accounts whose vault was destroyed, and of which a snapshot is still entered. */
  listUnfinishedWipes(): Promise<readonly AccountId[]>;
  /** Those of the accounts of which anything was ever destroyed. */
  listWiped(accounts: readonly AccountId[]): Promise<readonly AccountId[]>;
}
