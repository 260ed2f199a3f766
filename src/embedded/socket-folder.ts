import { createHash } from 'node:crypto';
import { chown, lstat, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, toError } from '../lib/errors.ts';

/**
 * The longest path of a socket folder, in bytes. The kernel takes socket paths of 107 bytes; the longest name
 * in the folder is PostgreSQL's `/.s.PGSQL.5432.lock`.
 */
const MAX_FOLDER_BYTES = 107 - 19;

/** Sixteen hexadecimal digits tell the data folders of one machine apart. */
const HASH_DIGITS = 16;

/** A private folder for a server's Unix socket. Disposing removes it. */
export interface SocketFolder extends AsyncDisposable {
  readonly path: string;
}

/**
 * Where the sockets of `server` go: a short path of its own, since DATA_PATH may be longer than a socket's path can
 * be, and the same one after every start, so that what a killed daemon left is found and cleared.
 */
export function socketFolderPath(dataPath: string, server: string, temporary: string): string {
  const hash = createHash('sha256').update(dataPath).digest('hex').slice(0, HASH_DIGITS);
  const path = join(temporary, `switchboard-${hash}-${server}`);
  return Buffer.byteLength(path) > MAX_FOLDER_BYTES ? join('/tmp', `switchboard-${hash}-${server}`) : path;
}

/**
 * Makes the folder anew, mode 0700, owned by `owner` (the server's user; the daemon's own by default). The
 * server must not be running. `dataPath` is canonical: one folder, one path.
 */
export async function openSocketFolder(
  dataPath: string,
  server: string,
  owner?: { readonly uid: number; readonly gid: number },
): Promise<SocketFolder> {
  const path = socketFolderPath(dataPath, server, tmpdir());
  const remove = () => rm(path, { recursive: true, force: true });
  try {
    await refuseForeignFolder(path, owner?.uid);
    await remove();
    await mkdir(path, { mode: 0o700 });
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
