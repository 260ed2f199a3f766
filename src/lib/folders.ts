import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toError } from './errors.ts';

/**
 * Makes the folder and those above it that are missing; rejects as the system does. Step by step, because Node's own
 * recursive way never ends where the kernel refuses every name, as under /proc.
 */
export async function makeFolders(path: string, mode?: number): Promise<void> {
  if (await isFolder(path)) return;
  await makeFolders(dirname(path), mode);
  await mkdir(path, { mode });
}

/** Makes renames and removals in a folder outlive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown);
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}
