import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, rmdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureWritableFolder } from '../../config/writable-folder.ts';
import { toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';

/** Memory that is used as a file system, on every Linux. */
const SHARED_MEMORY = '/dev/shm';

/** Types of file systems that live in memory alone: tmpfs and ramfs (statfs(2)). */
const MEMORY_TYPES: readonly number[] = [0x01021994, 0x858458f6];

/** What one opened profile may come to take: the real page's storage, and the browser's caches beside it. */
const BYTES_PER_SESSION = 128 * 1024 ** 2;

/** Write permission of the group and of all others. */
const WRITABLE_BY_OTHERS = 0o022;

/** Sixteen hexadecimal digits tell the data folders of one machine apart. */
const HASH_DIGITS = 16;

export interface RuntimeFolderDeps {
  /** WHATSAPP_RUNTIME_PATH; null if it is not set. */
  readonly configured: string | null;
  /** Canonical: one folder, one path. */
  readonly dataPath: string;
  /** How many profiles may be open at once. */
  readonly maxSessions: number;
  readonly log: Logger;
  /** For tests. */
  readonly sharedMemory?: string;
}

/** Where profiles are opened. Disposing removes the folder if nothing is left in it. */
export interface RuntimeFolder extends AsyncDisposable {
  readonly path: string;
  /** What is deleted on a disk may be read back. */
  readonly isInMemory: boolean;
  /** Where an earlier run of the same daemon may have opened profiles. */
  readonly formerPaths: readonly string[];
}

/**
 * The folder of the opened profiles, mode 0700: the configured one, else one in memory if there is room for every
 * session, else one under DATA_PATH.
 * @throws AppError CONFIG_INVALID
 */
export async function openRuntimeFolder(deps: RuntimeFolderDeps): Promise<RuntimeFolder> {
  const { configured, dataPath } = deps;
  const inMemory = memoryFolderOf(dataPath, deps.sharedMemory ?? SHARED_MEMORY);
  const onDisk = join(dataPath, 'live');
  const path = await choosePath();
  await chmod(path, 0o700);
  async function choosePath(): Promise<string> {
    const wanted = configured ?? ((await isFit(inMemory, deps)) ? inMemory : onDisk);
    await ensureWritableFolder('WHATSAPP_RUNTIME_PATH', wanted);
    if (await isOurs(wanted)) return wanted;
    // A folder that others use as well, such as /dev/shm itself, must stay open to them.
    const own = memoryFolderOf(dataPath, wanted);
    await ensureWritableFolder('WHATSAPP_RUNTIME_PATH', own);
    return own;
  }
  return {
    path,
    isInMemory: await isInMemory(path),
    formerPaths: [inMemory, onDisk].filter((former) => former !== path),
    [Symbol.asyncDispose]: () => removeIfEmpty(path),
  };
}

/** The same path after every start, so that what a killed daemon left is found. */
function memoryFolderOf(dataPath: string, sharedMemory: string): string {
  const hash = createHash('sha256').update(dataPath).digest('hex').slice(0, HASH_DIGITS);
  return join(sharedMemory, `switchboard-${hash}-profiles`);
}

async function isFit(path: string, deps: RuntimeFolderDeps): Promise<boolean> {
  const { maxSessions, log, sharedMemory = SHARED_MEMORY } = deps;
  try {
    if (!(await isInMemory(sharedMemory))) return false;
    await mkdir(path, { mode: 0o700 }).catch(acceptExisting);
    // Anybody may write there: somebody else may have taken the name, or linked it away.
    const stats = await lstat(path);
    if (!stats.isDirectory() || stats.uid !== process.getuid?.()) return false;
    // What a killed daemon has left open there must not be moved to a disk.
    if ((await readdir(path)).length > 0) return true;
    const { bavail, bsize } = await statfs(path);
    if (bavail * bsize >= maxSessions * BYTES_PER_SESSION) return true;
    await removeIfEmpty(path);
    return false;
  } catch (thrown) {
    log.debug('There is no folder in memory for the opened sessions', { error: toError(thrown).message });
    return false;
  }
}

async function isOurs(path: string): Promise<boolean> {
  const { uid, mode } = await stat(path);
  return uid === process.getuid?.() && (mode & WRITABLE_BY_OTHERS) === 0;
}

function acceptExisting(thrown: unknown): void {
  if ((toError(thrown) as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
}

async function isInMemory(path: string): Promise<boolean> {
  return MEMORY_TYPES.includes((await statfs(path)).type);
}

/** What was left in it stays for the next start. */
async function removeIfEmpty(path: string): Promise<void> {
  await rmdir(path).catch(() => undefined);
}
