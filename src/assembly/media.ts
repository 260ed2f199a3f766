import type { Config } from '../config/config.ts';
import type { Executor } from '../db/database.ts';
import { makeMediaLeavings } from '../db/media-leavings.ts';
import { abortedAfter } from '../lib/abort.ts';
import type { Logger } from '../lib/logger.ts';
import { openDiskMediaStore } from '../messages/disk-media-store.ts';
import type { MediaStore } from '../messages/media-store.ts';
import { openS3MediaStore } from '../messages/s3-media-store.ts';

/** How long files may be on their way to S3 once the daemon is asked to stop. What is cut off is fetched again, or refused. */
const S3_STOP_DEADLINE_MS = 10_000;

/** Where the files of messages are kept: S3 if it is configured for them, else the disk. */
export function openMedia(
  { path, s3 }: Config['media'],
  { db, log, signal }: { readonly db: Executor; readonly log: Logger; readonly signal: AbortSignal },
): Promise<MediaStore> {
  if (s3 === null) return openDiskMediaStore({ path, log });
  const leavings = makeMediaLeavings(db);
  return openS3MediaStore({ path, s3, leavings, log, signal: abortedAfter(signal, S3_STOP_DEADLINE_MS) });
}
