import type { AccountId } from '../accounts/ids.ts';

/** What became of one copy of one snapshot. */
export interface CopyReport {
  readonly accountId: AccountId;
  readonly generation: number;
  /** `disk`, or the name of a backup. */
  readonly source: string;
  /** The key that it needs; null if its head cannot be read. */
  readonly keyId: string | null;
  /** Of its file; 0 if it cannot be read. */
  readonly bytes: number;
  readonly outcome: 'good' | 'damaged' | 'key_missing' | 'unreachable' | 'rotated' | 'current';
  /** What is wrong with it. */
  readonly detail: string | null;
}

/** What operators do with vaults. */
export interface VaultUpkeep {
  /** Opens every copy of every generation without writing anything. */
  verify(accountIds: readonly AccountId[]): AsyncIterable<CopyReport>;
  /** Wraps every copy anew that is not wrapped by the current key. */
  rotate(accountIds: readonly AccountId[]): AsyncIterable<CopyReport>;
  /**
   * The newest snapshot that is any good, under a passphrase. The session is at rest.
   * @throws AppError VAULT_KEY_MISSING, VAULT_DAMAGED
   */
  exportNewest(
    accountId: AccountId,
    passphrase: string,
  ): Promise<{ readonly generation: number; readonly bytes: AsyncIterable<Uint8Array> }>;
  /**
   * Takes a snapshot in that was exported under the passphrase, as the newest of this account.
   * @throws AppError VALIDATION_FAILED for the passphrase, VAULT_DAMAGED
   */
  importSnapshot(
    accountId: AccountId,
    bytes: AsyncIterable<Uint8Array>,
    passphrase: string,
  ): Promise<{ readonly generation: number }>;
  /** The account and the time in the head of an exported file; the bytes go on untouched. */
  peekExport(bytes: AsyncIterable<Uint8Array>): Promise<{
    readonly accountId: AccountId;
    readonly sealedAt: Date;
    readonly bytes: AsyncIterable<Uint8Array>;
  }>;
}
