/**
 * Removes files of media whose messages were deleted, once nothing refers to them any more. A file that no message is
 * known to have had is left alone, whatever it is.
 *
 * A file comes before the row that refers to it, and another message may bring the same content at any moment. So a file
 * goes only if it has lain untouched for longer than a row may take to follow; storing it again touches it.
 */
import type { Executor } from '../db/database.ts';
import { deleteOldLeavings, listUnreferredMedia } from '../db/media-leavings.ts';

/** A job that carries a file's hash waits for its database no longer than this; milliseconds. */
export const UNTOUCHED_MS = 7 * 86_400_000;

export interface MediaCleanUpDeps {
  readonly db: Executor;
  /** Removes a file that was not touched since the instant; true if there was one. */
  readonly remove: (sha256: string, untouchedSince: Date) => Promise<boolean>;
}

/** Returns how many files it removed. It may be cut off anywhere: the next time goes on. */
export async function removeUnreferredMedia(
  { db, remove }: MediaCleanUpDeps,
  nowMs: number,
): Promise<number> {
  const before = new Date(nowMs - UNTOUCHED_MS);
  let removed = 0;
  for await (const hashes of listUnreferredMedia(db, before))
    for (const hash of hashes) removed += (await remove(hash, before)) ? 1 : 0;
  await deleteOldLeavings(db, before);
  return removed;
}
