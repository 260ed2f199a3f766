import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, realpath, rmdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureWritableFolder } from '../../config/writable-folder.ts';
import { errnoOf, toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { findText, writeWhole } from '../../lib/whole-file.ts';

/** Memory that is used as a file system, on every Linux. */
export const SHARED_MEMORY = '/dev/shm';

/** Types of file systems that live in memory alone: tmpfs and ramfs (statfs(2)). */
const MEMORY_TYPES: readonly number[] = [0x01021994, 0x858458f6];

/** What one opened profile may come to take: the real page's storage, and the browser's caches beside it. */
export const BYTES_PER_SESSION = 128 * 1024 ** 2;

/** Write permission of the group and of all others. */
const WRITABLE_BY_OTHERS = 0o022;

/** In DATA_PATH: the folders, one a line, where profiles may lie open, so that one that was configured is not forgotten. */
const KNOWN_FILE = 'runtime-paths';

/** How the names of profiles begin, and of what is left of them. */
const PROFILE_PREFIX = 'session-';

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
 * The folder of the opened profiles, mode 0700: one in the configured folder, else one in memory if there is room for every
 * session, else one under DATA_PATH. It is of this data folder alone, wherever it lies: two instances that were told of the
 * same one would remove each other's profiles, and end each other's browsers, which are known by their path.
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
    const isOwn = configured === null || (await isWithin(wanted, dataPath));
    if (isOwn && (await isOurs(wanted))) return wanted;
    // A folder that others use as well, such as /dev/shm itself, must stay open to them.
    const own = memoryFolderOf(dataPath, wanted);
    await ensureWritableFolder('WHATSAPP_RUNTIME_PATH', own);
    return own;
  }
  const before = configured !== null && (await isOurs(configured)) ? [configured] : [];
  const formerPaths = await findFormer(path, [inMemory, onDisk, ...before, ...(await listKnown(dataPath))]);
  await rememberPaths(dataPath, [await realpath(path), ...(await filterFilled(formerPaths))]);
  return {
    path,
    isInMemory: await isInMemory(path),
    formerPaths,
    [Symbol.asyncDispose]: () => removeIfEmpty(path),
  };
}

async function listKnown(dataPath: string): Promise<readonly string[]> {
  const text = (await findText(join(dataPath, KNOWN_FILE))) ?? '';
  return text.split('\n').filter((line) => line.startsWith('/'));
}

/** Each once, and none that is this one under another name, whose profiles would be taken for their own earlier copies. */
async function findFormer(path: string, candidates: readonly string[]): Promise<readonly string[]> {
  const here = await realpath(path);
  const former: string[] = [];
  for (const candidate of new Set(candidates)) {
    const real = await realpath(candidate).catch(() => candidate);
    if (real !== here && !(await isForeign(candidate))) former.push(candidate);
  }
  return former;
}

/** Folders that profiles lie in: what an earlier run has left there may be taken over only by the run after this one. */
async function filterFilled(paths: readonly string[]): Promise<readonly string[]> {
  const names = await Promise.all(paths.map((path) => readdir(path).catch(() => [])));
  return paths.filter((_path, nth) => names[nth]?.some((name) => name.startsWith(PROFILE_PREFIX)));
}

/** Before anything is opened there; whole or not at all. */
async function rememberPaths(dataPath: string, paths: readonly string[]): Promise<void> {
  const file = join(dataPath, KNOWN_FILE);
  await writeWhole(file, paths.map((path) => `${path}\n`).join(''));
}

/** The same path after every start, so that what a killed daemon left is found. */
function memoryFolderOf(dataPath: string, sharedMemory: string): string {
  const hash = createHash('sha256').update(dataPath).digest('hex').slice(0, HASH_DIGITS);
  return join(sharedMemory, `switchboard-${hash}-profiles`);
}

/** DATA_PATH is locked by whoever uses it. */
async function isWithin(path: string, dataPath: string): Promise<boolean> {
  return `${await realpath(path)}/`.startsWith(`${dataPath}/`);
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

/** True of a folder of this user's in which nobody else can put anything. */
export async function isOurs(path: string): Promise<boolean> {
  const { uid, mode } = await stat(path);
  return uid === process.getuid?.() && (mode & WRITABLE_BY_OTHERS) === 0;
}

/** Somebody else may have taken the name of a folder that is gone, and would have a profile of his taken over. */
async function isForeign(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  return stats !== undefined && !(stats.isDirectory() && stats.uid === process.getuid?.());
}

function acceptExisting(thrown: unknown): void {
  if (errnoOf(thrown) !== 'EEXIST') throw thrown;
}

/** Whether what is written there never comes to a disk, but for swap. */
export async function isInMemory(path: string): Promise<boolean> {
  return MEMORY_TYPES.includes((await statfs(path)).type);
}

/** What was left in it stays for the next start. */
async function removeIfEmpty(path: string): Promise<void> {
  await rmdir(path).catch(() => undefined);
}
