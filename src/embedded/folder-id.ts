import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, toError } from '../lib/errors.ts';
import { writeWhole } from '../lib/whole-file.ts';

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/**
 * What tells this data folder from any other, also from one at the same path: made at the first call and kept in it. One that
 * was damaged is made anew: the folder then counts as another. This process is the folder's only owner.
 * @throws AppError DATA_PATH_UNWRITABLE if it cannot be kept
 */
export async function ensureFolderId(dataPath: string): Promise<string> {
  const path = join(dataPath, 'folder-id');
  const kept = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (UUID.test(kept)) return kept;
  const made = randomUUID();
  try {
    await writeWhole(path, `${made}\n`);
  } catch (thrown) {
    throw new AppError('DATA_PATH_UNWRITABLE', {
      message: `The id of the data folder cannot be kept in ${path} (${toError(thrown).message}). Correct the owner or mode of the folder.`,
      cause: thrown,
    });
  }
  return made;
}
