import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** What is in a folder; equal for two folders if they hold the same files with the same content. */
export interface FolderDigest {
  readonly files: number;
  readonly bytes: number;
  readonly sha256: string;
}

export async function digestFolder(folder: string): Promise<FolderDigest> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const hash = createHash('sha256');
  let bytes = 0;
  for (const path of paths.sort()) {
    const content = await readFile(path);
    hash.update(`${relative(folder, path)}\0${content.length}\0`).update(content);
    bytes += content.length;
  }
  return { files: paths.length, bytes, sha256: hash.digest('hex') };
}
