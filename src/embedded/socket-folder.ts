import { createHash } from 'node:crypto';
import { chown, lstat, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, toError } from '../lib/errors.ts';

/** The longest path of a socket that the kernel takes, in bytes. */
const MAX_SOCKET_PATH_BYTES = 107;

/** What a folder is for, and the longest name in it that is a socket or becomes one. */
const LONGEST_NAMES = {
  postgres: '/.s.PGSQL.5432.lock',
  redis: '/redis.sock',
  browsers: '/browser-XXXXXX/org.chromium.Chromium.XXXXXX/SingletonSocket',
} as const;

export type SocketFolderUse = keyof typeof LONGEST_NAMES;

/** The file that names the data folder which a socket folder belongs to. */
export const OWNER_FILE = 'owner';

/** Sixteen hexadecimal digits tell the data folders of one machine apart. */
const HASH_DIGITS = 16;

/** A private folder for Unix sockets. Disposing removes it. */
export interface SocketFolder extends AsyncDisposable {
  readonly path: string;
}

/**
 * Where the sockets of this use go: a short path of its own, since DATA_PATH may be longer than a socket's path can
 * be, and the same one after every start, so that what a killed daemon left is found and cleared.
 */
export function socketFolderPath(dataPath: string, use: SocketFolderUse, temporary: string): string {
  const name = `switchboard-${socketFolderHash(dataPath)}-${use}`;
  const path = join(temporary, name);
  const isLong = Buffer.byteLength(path + LONGEST_NAMES[use]) > MAX_SOCKET_PATH_BYTES;
  return isLong ? join('/tmp', name) : path;
}

/** What stands for a data folder in the names of its socket folders. */
export function socketFolderHash(dataPath: string): string {
  return createHash('sha256').update(dataPath).digest('hex').slice(0, HASH_DIGITS);
}

/**
 * Makes the folder anew, mode 0700, owned by `owner` (the server's user; the daemon's own by default). The
 * server must not be running. `dataPath` is canonical: one folder, one path.
 */
export async function openSocketFolder(
  dataPath: string,
  use: SocketFolderUse,
  owner?: { readonly uid: number; readonly gid: number },
): Promise<SocketFolder> {
  const path = socketFolderPath(dataPath, use, tmpdir());
  const remove = () => rm(path, { recursive: true, force: true });
  try {
    await refuseForeignFolder(path, owner?.uid);
    await remove();
    await mkdir(path, { mode: 0o700 });
    await writeFile(join(path, OWNER_FILE), dataPath, { mode: 0o600 });
    if (owner !== undefined) await chown(path, owner.uid, owner.gid);
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    throw new AppError('DATA_PATH_UNWRITABLE', {
      message: `The folder for sockets, ${path}, cannot be made (${toError(thrown).message}). Set TMPDIR to a folder that can be written.`,
      cause: thrown,
    });
  }
  return { path, [Symbol.asyncDispose]: remove };
}

/** Anybody may write to the folder for temporary files: somebody else may have taken the name, or linked it away. */
async function refuseForeignFolder(path: string, ownerUid: number | undefined): Promise<void> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return;
  const ours = stats.uid === process.getuid?.() || stats.uid === ownerUid;
  if (stats.isDirectory() && ours) return;
  throw new AppError('DATA_PATH_UNWRITABLE', {
    message: `${path} is needed for sockets and belongs to somebody else. Remove it, or set TMPDIR to another folder.`,
  });
}
