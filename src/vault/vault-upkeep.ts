import type { AccountId } from '../accounts/ids.ts';
import { type CopyReport, verifyCopies } from './copy-reports.ts';
import { rotateCopies } from './rotation.ts';
import { peekHeader } from './sealed-stream.ts';
import { exportNewest, importSnapshot, type MoveDeps } from './session-move.ts';
import type { KeyNeed } from './snapshot-index.ts';

/** What operators do with vaults. */
export interface VaultUpkeep {
  /** Opens every copy of every generation without writing anything. */
  verify(accountIds: readonly AccountId[]): AsyncIterable<CopyReport>;
  /** Wraps every copy anew that is not wrapped by the current key. */
  rotate(accountIds: readonly AccountId[]): AsyncIterable<CopyReport>;
  /**
   * Sealed sessions of all accounts that still need another key than the current one: what was not rotated, could not be
   * reached, or may lie on the disk of another instance. While there are any, their keys must be kept.
   */
  findOtherKeys(): Promise<readonly KeyNeed[]>;
  /**
   * The newest snapshot that is any good, under a passphrase. The session is at rest.
   * @throws AppError VAULT_KEY_MISSING, VAULT_DAMAGED, DISK_FULL; VAULT_STORAGE_FAILED if a newer one may be out of reach
   */
  exportNewest(
    accountId: AccountId,
    passphrase: string,
  ): Promise<{ readonly generation: number; readonly bytes: AsyncIterable<Uint8Array> }>;
  /**
   * Takes a snapshot in that was exported under the passphrase, as the newest of this account.
   * @throws AppError VALIDATION_FAILED for the passphrase, VAULT_DAMAGED, VAULT_TOO_LARGE
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

export function makeVaultUpkeep(deps: MoveDeps): VaultUpkeep {
  return {
    verify: (accountIds) => verifyCopies(deps, accountIds),
    rotate: (accountIds) => rotateCopies(deps, accountIds),
    findOtherKeys: () => deps.index.countOtherKeys(deps.keyRing.currentKeyId),
    exportNewest: (accountId, passphrase) => exportNewest(deps, accountId, passphrase),
    importSnapshot: (accountId, bytes, passphrase) => importSnapshot(deps, { accountId, bytes, passphrase }),
    async peekExport(bytes) {
      const { header, sealed } = await peekHeader(bytes);
      const { accountId, sealedAt } = header.identity;
      return { accountId, sealedAt, bytes: sealed };
    },
  };
}
