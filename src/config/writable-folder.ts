import { mkdtemp, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { toError } from '../lib/errors.ts';
import { makeFolders } from '../lib/folders.ts';
import { configInvalid } from './environment.ts';

/**
 * Makes the folder that a variable names if there is none (mode 0700), and proves that it can be written.
 * @throws AppError CONFIG_INVALID that names the variable
 */
export async function ensureWritableFolder(variable: string, path: string): Promise<void> {
  try {
    await makeFolders(path, 0o700);
    // Written to rather than asked about: root may do anything on paper, and a full disk says so here.
    await rmdir(await mkdtemp(join(path, '.writable-')));
  } catch (thrown) {
    const message = `The folder ${path} cannot be written (${toError(thrown).message}). Correct its owner or mode, or set ${variable} to another folder.`;
    throw configInvalid([{ field: variable, message }], thrown);
  }
}
