import { rm } from 'node:fs/promises';
import type { AccountId } from '../accounts/ids.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError } from '../lib/errors.ts';
import type { CopyDeps } from './copy-reports.ts';
import { makePassphraseLock } from './passphrase.ts';
import { checkArchive, type RequireRoom } from './profile-archive.ts';
import { rewrapStream } from './rewrap.ts';
import { openStream, peekHeader, sealStream } from './sealed-stream.ts';
import { saveSealingLease } from './sealing-lease.ts';
import { type FindDamage, PROFILE_LIMITS } from './snapshot-opening.ts';
import type { Vault } from './vault.ts';

export interface MoveDeps extends CopyDeps {
  readonly vault: Vault;
  readonly clock: Pick<Clock, 'now'>;
  /** How a profile is looked at before it moves away: where it is opened for that, and what tells that it is damaged. */
  readonly inspection: {
    pathFor(accountId: AccountId): string;
    readonly findDamage: FindDamage;
    readonly requireRoom: RequireRoom;
  };
}

/**
 * The snapshot that a start would open, under a passphrase: the source will be closed for good, so that nothing worse
 * may leave.
 * @throws AppError as `Vault.open` does; VAULT_DAMAGED also if there is none
 */
export async function exportNewest(
  { vault, keyRing, inspection }: MoveDeps,
  accountId: AccountId,
  passphrase: string,
): Promise<{ readonly generation: number; readonly bytes: AsyncIterable<Uint8Array> }> {
  const path = inspection.pathFor(accountId);
  try {
    const { findDamage, requireRoom } = inspection;
    const opened = await vault.open(accountId, { folder: path, findDamage, requireRoom });
    if (opened === undefined) {
      throw new AppError('VAULT_DAMAGED', { message: 'There is no sealed session that could be exported.' });
    }
    const { generation } = opened;
    const to = makePassphraseLock(passphrase);
    return { generation, bytes: rewrapStream(opened.read(), { accountId, generation, from: keyRing, to }) };
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

/**
 * Sealed anew under a number of this account: that of the export may be one that was destroyed here. What could not be
 * unpacked by a start is not taken in; whether its passphrase made it says nothing about that.
 * @throws AppError VALIDATION_FAILED for the passphrase, VAULT_DAMAGED, VAULT_TOO_LARGE, VAULT_STORAGE_FAILED
 */
export async function importSnapshot(
  { vault, keyRing, clock, folder }: MoveDeps,
  given: {
    readonly accountId: AccountId;
    readonly bytes: AsyncIterable<Uint8Array>;
    readonly passphrase: string;
  },
): Promise<{ readonly generation: number }> {
  const { accountId } = given;
  const lock = makePassphraseLock(given.passphrase);
  await using file = await peekHeader(given.bytes);
  const exported = { accountId, generation: file.header.identity.generation, keyRing: lock };
  const newest = await vault.findNewest(accountId);
  const { profileEpoch } = newest;
  const generation = newest.generation + 1;
  const sealedAt = new Date(clock.now());
  const identity = { accountId, generation, sealedAt };
  if (profileEpoch !== null) await saveSealingLease(folder, identity, profileEpoch);
  const sealed = sealStream(openStream(file.sealed, exported), { identity, keyRing });
  const bytes = await folder.write(accountId, generation, sealed, (written) =>
    checkArchive(openStream(written, { accountId, generation, keyRing }), PROFILE_LIMITS),
  );
  const snapshot = { ...identity, keyId: keyRing.currentKeyId, bytes, profileEpoch };
  await vault.keep(snapshot, { backUp: true });
  return { generation };
}
