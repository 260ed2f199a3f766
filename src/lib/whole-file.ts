import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from './errors.ts';
import { syncFolder } from './folders.ts';

/**
 * Writes a file for its owner alone, in place of one that is there: whoever looks, and whatever crashes, finds the old one or
 * the whole new one, and the new one once this has resolved. Not for two writers of one file at a time.
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const part = `${path}.part`;
  // Made anew, so that what somebody else has put there is not written to.
  await rm(part, { force: true });
  {
    await using file = await open(part, 'wx', 0o600);
    await file.writeFile(text);
    await file.sync();
  }
  await rename(part, path);
  await syncFolder(dirname(path));
}

/** What is in a file; undefined if there is none. */
export async function findText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}
