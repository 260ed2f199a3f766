/**
 * The daemon's folder, and the rule that only one daemon uses it.
 *
 * The lock is an exclusive transaction on an empty SQLite file. It is the one way in Node to a lock of the kernel
 * (fcntl): taken in one step, gone at the moment the process is, however it dies, and seen by every process on
 * the machine, also from another container with the same volume, where pids mean nothing. The pid beside it is
 * for the error message only.
 */
import { chmod, open, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError, isAppError, toError } from '../lib/errors.ts';
import { makeFolders } from '../lib/folders.ts';

/** SQLite's code for a lock that somebody else holds. */
const SQLITE_BUSY = 5;

/** The daemon's folder while this process is its owner. Disposing gives it back. */
export interface DataFolder extends AsyncDisposable {
  /** Absolute, without symbolic links. */
  readonly path: string;
}

/**
 * Makes the folder if there is none (mode 0700), checks that it can be written and takes its lock. Throws
 * DATA_PATH_UNWRITABLE, or DATA_PATH_LOCKED if another daemon uses it.
 */
export async function openDataFolder(dataPath: string): Promise<DataFolder> {
  const path = await makeWritable(resolve(dataPath));
  const lock = await takeLock(path);
  const pidFile = join(path, 'daemon.pid');
  await writeFile(pidFile, `${process.pid}\n`, { mode: 0o600 });
  return {
    path,
    async [Symbol.asyncDispose]() {
      if (!lock.isOpen) return;
      await rm(pidFile, { force: true });
      lock.close();
    },
  };
}

async function makeWritable(wanted: string): Promise<string> {
  try {
    await makeFolders(wanted, 0o700);
    const path = await realpath(wanted);
    await closeToOthers(path);
    // Opened for writing rather than asked about: root may do anything on paper, and a full disk says so here.
    await (await open(lockFile(path), 'a', 0o600)).close();
    return path;
  } catch (thrown) {
    throw unwritable(wanted, thrown);
  }
}

/**
 * Only a folder that is the daemon's own and holds nothing yet: with `DATA_PATH=/srv` the mode is not ours to set, nor
 * that of a mounted volume which is writable through its group. What lies inside is closed by itself.
 */
async function closeToOthers(path: string): Promise<void> {
  const { mode, uid } = await stat(path);
  if (uid !== process.getuid?.() || (mode & 0o077) === 0) return;
  if ((await readdir(path)).length === 0) await chmod(path, 0o700);
}

async function takeLock(path: string): Promise<DatabaseSync> {
  const lock = new DatabaseSync(lockFile(path), { timeout: 0 });
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return lock;
  } catch (thrown) {
    lock.close();
    const error: Error & { errcode?: number } = toError(thrown);
    if (error.errcode !== SQLITE_BUSY) throw unwritable(path, error);
    throw new AppError('DATA_PATH_LOCKED', {
      message: `Another daemon${await readOwner(path)} uses the data folder ${path}. Stop it, or set DATA_PATH and WHATSAPP_SESSION_PATH to other folders for this one.`,
    });
  }
}

/**
 * Does the work while no daemon can take the folder; false, and nothing done, if one has it or if the folder is not there:
 * a daemon of another container may see it. Throws what taking the lock does if that cannot be told.
 */
export async function ifUnowned(dataPath: string, work: () => Promise<void>): Promise<boolean> {
  if ((await stat(lockFile(dataPath)).catch(() => undefined)) === undefined) return false;
  let lock: DatabaseSync;
  try {
    lock = await takeLock(dataPath);
  } catch (thrown) {
    if (isAppError(thrown, 'DATA_PATH_LOCKED')) return false;
    throw thrown;
  }
  try {
    await work();
    return true;
  } finally {
    lock.close();
  }
}

/** ` (pid 123)`, or nothing in the moment before the owner has written it. */
async function readOwner(path: string): Promise<string> {
  const text = await readFile(join(path, 'daemon.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  return Number.isNaN(pid) ? '' : ` (pid ${pid})`;
}

function lockFile(path: string): string {
  return join(path, 'daemon.lock');
}

function unwritable(path: string, thrown: unknown): AppError {
  return new AppError('DATA_PATH_UNWRITABLE', {
    message: `The data folder ${path} cannot be written (${toError(thrown).message}). Correct its owner or mode, or set DATA_PATH to another folder.`,
    cause: thrown,
  });
}
