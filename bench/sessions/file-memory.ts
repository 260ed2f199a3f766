import { execFile } from 'node:child_process';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Files in one call of `fincore`. */
const PACK = 500;

/**
 * What of the files under some folders is in memory, bytes: all of it where they lie in tmpfs, else what of them the
 * kernel keeps in its page cache and could give back.
 */
export async function readFileMemory(folders: readonly string[]): Promise<number> {
  const files = (await Promise.all(folders.map(listFiles))).flat();
  let bytes = 0;
  for (let from = 0; from < files.length; from += PACK)
    bytes += await askKernel(files.slice(from, from + PACK));
  return bytes;
}

/** What the files under a folder take on its disk, bytes. */
export async function readStoredSize(folder: string): Promise<number> {
  const sizes = (await listFiles(folder)).map(
    async (file) => (await lstat(file).catch(() => undefined))?.size,
  );
  return (await Promise.all(sizes)).reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

async function listFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Files that are gone by now count nothing; `fincore` says so and fails with an output that is good. */
async function askKernel(files: readonly string[]): Promise<number> {
  const run = promisify(execFile)('fincore', ['--bytes', '--noheadings', '--output', 'RES', '--', ...files]);
  const { stdout } = await run.catch((thrown: NodeJS.ErrnoException & { stdout?: string }) => {
    if (thrown.code === 'ENOENT') throw new Error('There is no fincore here, which util-linux brings.');
    return { stdout: thrown.stdout ?? '' };
  });
  return stdout.split('\n').reduce((sum, line) => sum + Number(line), 0);
}
