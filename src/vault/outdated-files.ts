import type { AccountId } from '../accounts/ids.ts';
import { isAppError } from '../lib/errors.ts';
import { readSealingLease } from './sealing-lease.ts';
import type { SnapshotIdentity, SnapshotName } from './snapshot.ts';
import type { VaultEntry } from './snapshot-index.ts';
import type { VaultFolder } from './vault-folder.ts';
import { HEADER_BYTES, parseHeader } from './vault-header.ts';

/**
 * Generations on this disk that are not what their numbers say: another instance had the account after they were sealed, and
 * went on from an older one. One that is entered is known by the instant at which it was sealed; one that is newer than all
 * that are entered counts only if nobody has begun to use the profile since, under a later lease. What cannot be read is
 * never taken for outdated: that is told where it is opened.
 */
export async function findOutdatedFiles(
  folder: VaultFolder,
  accountId: AccountId,
  onDisk: readonly number[],
  entry: VaultEntry,
): Promise<readonly number[]> {
  const outdated: number[] = [];
  for (const generation of onDisk) {
    if (await isOutdated(folder, { accountId, generation }, entry)) outdated.push(generation);
  }
  return outdated;
}

async function isOutdated(
  folder: VaultFolder,
  name: SnapshotName,
  { snapshots, wipedThrough, profileEpoch }: VaultEntry,
): Promise<boolean> {
  const entered = snapshots.find(({ generation }) => generation === name.generation);
  const newest = Math.max(snapshots[0]?.generation ?? 0, wipedThrough);
  if (entered === undefined && (profileEpoch === null || name.generation <= newest)) return false;
  const sealedAt = (await readIdentity(folder, name))?.sealedAt;
  if (entered !== undefined) return sealedAt !== undefined && +sealedAt !== +entered.sealedAt;
  const epoch = await readSealingLease(folder, name, sealedAt);
  // A later one than the database knows of: that was put back to what it was before.
  return epoch === null || epoch < (profileEpoch ?? 0);
}

/** What a file says of itself, unproven; undefined if it says nothing, or is another snapshot under this one's name. */
async function readIdentity(folder: VaultFolder, name: SnapshotName): Promise<SnapshotIdentity | undefined> {
  try {
    const { identity } = parseHeader(await folder.readStart(name, HEADER_BYTES), name);
    const { accountId, generation } = identity;
    return accountId === name.accountId && generation === name.generation ? identity : undefined;
  } catch (thrown) {
    if (isAppError(thrown)) return undefined;
    throw thrown;
  }
}
