import { AppError } from '../lib/errors.ts';
import type { SnapshotBackup } from './snapshot-backup.ts';

/** What brings a backup back that the index has copies in and this daemon does not know. */
const REMEDIES: Readonly<Record<string, string>> = {
  s3: 'Set S3_BUCKET, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY and what else the storage needs, as they were when the copy was made.',
};

/**
 * A backup that is not configured any more, in the place of the one that was. Its copies are out of reach, not gone: all
 * that is asked of it fails with VAULT_STORAGE_FAILED and names what is missing.
 */
export function makeAbsentBackup(name: string): SnapshotBackup {
  const fail = (): never => {
    const remedy = REMEDIES[name] ?? 'Only a daemon that knows it can reach it.';
    throw new AppError('VAULT_STORAGE_FAILED', {
      message: `A copy lies in the backup ${name}, which is not configured. ${remedy}`,
    });
  };
  return {
    name,
    save: async () => fail(),
    // biome-ignore lint/correctness/useYield: it fails before there is anything
    read: async function* () {
      fail();
    },
    remove: async () => fail(),
  };
}
