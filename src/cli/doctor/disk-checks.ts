import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BYTES_PER_SESSION, isInMemory, SHARED_MEMORY } from '../../channels/whatsapp-web/runtime-folder.ts';
import { toError } from '../../lib/errors.ts';
import { byteCount } from '../terminal-text.ts';
import { bad, type Finding, good, joinFindings, warning } from './finding.ts';

const MIB = 1024 ** 2;
/** With less the stores may stop within the hour; with less than the second somebody should make room soon. */
const SCARCE_BYTES = 200 * MIB;
const LOW_BYTES = 1024 * MIB;
/** Files that can still be made; a file system that counts none tells 0 of 0. */
const LOW_FILES = 5_000;

/** Every folder that the daemon writes to can be written and has room. */
export async function checkDisk(folders: Readonly<Record<string, string>>): Promise<Finding> {
  const found = await Promise.all(Object.entries(folders).map(([name, path]) => lookAt(name, path)));
  const isFine = found.every(({ outcome }) => outcome === 'good');
  if (!isFine) return joinFindings(found.filter(({ outcome }) => outcome !== 'good'));
  const rooms = await Promise.all(Object.values(folders).map(measureRoom));
  const least = Math.min(...rooms.map(({ bytes }) => bytes));
  return good(
    `All of ${Object.keys(folders).join(', ')} can be written; ${byteCount(least)} are free at least.`,
  );
}

async function lookAt(name: string, path: string): Promise<Finding> {
  try {
    const nearest = await findNearest(path);
    if (!(await stat(nearest)).isDirectory())
      return bad(`${name}: ${nearest} is no folder.`, `Remove it, or set ${name} to another folder.`);
    await access(nearest, constants.W_OK | constants.X_OK);
    return judgeRoom(`${name}: ${path}`, await measureRoom(path));
  } catch (thrown) {
    return bad(
      `${name}: ${path} cannot be written (${toError(thrown).message}).`,
      `Correct its owner or mode, or set ${name} to another folder.`,
    );
  }
}

interface Room {
  readonly bytes: number;
  /** Undefined where the file system has no limit. */
  readonly files: number | undefined;
}

/** Decides whether the room of a disk is enough. */
export function judgeRoom(where: string, { bytes, files }: Room): Finding {
  const remedy = 'Make room there, or move the folder.';
  if (bytes < SCARCE_BYTES) return bad(`${where} has only ${byteCount(bytes)} left.`, remedy);
  if (files !== undefined && files < LOW_FILES)
    return warning(`${where} has room for ${files} more files alone.`, remedy);
  if (bytes < LOW_BYTES) return warning(`${where} has ${byteCount(bytes)} left.`, remedy);
  return good(`${where} has ${byteCount(bytes)} left.`);
}

async function measureRoom(path: string): Promise<Room> {
  const { bavail, bsize, files, ffree } = await statfs(await findNearest(path));
  return { bytes: bavail * bsize, files: files === 0 ? undefined : ffree };
}

/** The folder itself, or what it would be made in. */
async function findNearest(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown);
    if (error.code !== 'ENOENT' || dirname(path) === path) throw error;
    return findNearest(dirname(path));
  }
}

/** Opened sessions lie in memory, with room for as many as may be open. */
export async function checkMemoryFolder(wish: {
  readonly configured: string | null;
  readonly maxSessions: number;
  readonly sharedMemory?: string;
}): Promise<Finding> {
  const { configured, maxSessions, sharedMemory = SHARED_MEMORY } = wish;
  const path = configured ?? sharedMemory;
  const remedy =
    'Give it more room (Docker: --shm-size), set WHATSAPP_RUNTIME_PATH to a folder in memory, or lower WHATSAPP_MAX_CONNECTIONS.';
  try {
    const nearest = await findNearest(path);
    if (!(await isInMemory(nearest)))
      return warning(`${path} lies on a disk: what is deleted there may be read back.`, remedy);
    await access(nearest, constants.W_OK | constants.X_OK);
    const { bytes } = await measureRoom(path);
    const needed = maxSessions * BYTES_PER_SESSION;
    const found = `${path} is in memory, with ${byteCount(bytes)} free for ${maxSessions} sessions`;
    return bytes < needed
      ? warning(`${found}, where ${byteCount(needed)} are wanted, lest they lie on a disk.`, remedy)
      : good(`${found}.`);
  } catch (thrown) {
    return warning(
      `There is no folder in memory that can be used: ${path} (${toError(thrown).message}); opened sessions lie on a disk.`,
      remedy,
    );
  }
}
