import { rename, rm, stat } from 'node:fs/promises';
import { errnoOf } from '../lib/errors.ts';

/** What a file is called while it is decided about. */
const LEAVING = '.leaving';

/**
 * Removes the file at this path if it came there before the instant; true if it did. It is taken away before it is
 * removed: one that is stored in between comes to its name anew, and one that was stored just before comes back. What it
 * holds may be older than its coming there, so that the time of its entry in the folder counts.
 */
export async function removeUntouchedFile(path: string, untouchedSince: Date): Promise<boolean> {
  const leaving = `${path}${LEAVING}`;
  await putBack(leaving, path);
  const seen = await look(path);
  if (seen === undefined || seen.ctimeMs >= untouchedSince.getTime()) return false;
  await rename(path, leaving);
  if ((await look(leaving))?.ino === seen.ino) {
    await rm(leaving);
    return true;
  }
  await putBack(leaving, path);
  return false;
}

/** What was about to be decided, here or by a clean-up that was cut off. */
async function putBack(leaving: string, path: string): Promise<void> {
  if ((await look(leaving)) === undefined) return;
  if ((await look(path)) === undefined) await rename(leaving, path);
  else await rm(leaving);
}

/** Undefined for what is not there. */
async function look(path: string): Promise<{ readonly ctimeMs: number; readonly ino: number } | undefined> {
  try {
    return await stat(path);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}
