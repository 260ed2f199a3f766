import type { SnapshotIdentity, SnapshotName } from './snapshot.ts';
import type { VaultFolder } from './vault-folder.ts';

/**
 * Writes down, before a snapshot is on disk, under which lease its profile was used. It is said of the snapshot that was
 * sealed at that instant alone, so that it counts for no other file of the same number.
 */
export async function saveSealingLease(
  folder: VaultFolder,
  { accountId, generation, sealedAt }: SnapshotIdentity,
  profileEpoch: number,
): Promise<void> {
  const text = JSON.stringify({ sealedAt: sealedAt.toISOString(), profileEpoch });
  await folder.writeNote(accountId, generation, text);
}

/**
 * Under which lease the profile was used of which a file on disk is a snapshot; null if it is not said. `sealedAt` is what the
 * file says of itself; undefined if that cannot be read.
 */
export async function readSealingLease(
  folder: VaultFolder,
  { accountId, generation }: SnapshotName,
  sealedAt: Date | undefined,
): Promise<number | null> {
  const text = await folder.readNote(accountId, generation);
  const note = text === undefined ? undefined : parseNote(text);
  if (note === undefined) return null;
  return sealedAt === undefined || note.sealedAt === sealedAt.toISOString() ? note.profileEpoch : null;
}

interface Note {
  readonly sealedAt: string;
  readonly profileEpoch: number;
}

/** Undefined for what was cut off. */
function parseNote(text: string): Note | undefined {
  try {
    const { sealedAt, profileEpoch } = JSON.parse(text);
    const isWhole = typeof sealedAt === 'string' && Number.isSafeInteger(profileEpoch);
    return isWhole ? { sealedAt, profileEpoch } : undefined;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}
