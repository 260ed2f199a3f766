/**
 * Removes files of media whose messages were deleted, once nothing refers to them any more. A file that no message is
 * known to have had is left alone, whatever it is.
 *
 * A file comes before the row that refers to it, and another message may bring the same content at any moment. So a file
 * goes only if it has lain untouched for longer than a row may take to follow; storing it again touches it.
 */
import { rename, rm, stat } from 'node:fs/promises';
import type { Executor } from '../db/database.ts';
import { deleteOldLeavings, listUnreferredMedia } from '../db/media-leavings.ts';

/** A job that carries a file's hash waits for its database no longer than this; milliseconds. */
export const UNTOUCHED_MS = 7 * 86_400_000;

/** What a file is called while it is decided about. */
const LEAVING = '.leaving';

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

/**
 * Removes the file at this path if it was not touched since the instant; true if it did. It is taken away before it is
 * looked at: one that is stored in between comes to its name anew, and one that was stored just before comes back.
 */
export async function removeUntouchedFile(path: string, untouchedSince: Date): Promise<boolean> {
  const leaving = `${path}${LEAVING}`;
  await putBack(leaving, path);
  if (!(await isOlder(path, untouchedSince))) return false;
  await rename(path, leaving);
  if (await isOlder(leaving, untouchedSince)) {
    await rm(leaving);
    return true;
  }
  await rename(leaving, path);
  return false;
}

/** What a clean-up that was cut off was about to decide. */
async function putBack(leaving: string, path: string): Promise<void> {
  if ((await touchedAt(leaving)) === undefined) return;
  if ((await touchedAt(path)) === undefined) await rename(leaving, path);
  else await rm(leaving);
}

/** False also for what is not there. */
async function isOlder(path: string, instant: Date): Promise<boolean> {
  const at = await touchedAt(path);
  return at !== undefined && at < instant.getTime();
}

async function touchedAt(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (thrown) {
    if (thrown instanceof Error && (thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
}
