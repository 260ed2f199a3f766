import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const CHUNK_BYTES = 1024 ** 2;
/** Room for some profiles of a small page. */
const DISK_MEGABYTES = 400;

/** A folder on a disk that a test can fill. */
export interface SmallDisk extends Disposable {
  readonly path: string;
  /** From now on nothing can be written, neither by these processes nor, if it is a real disk, by any other. */
  fill(writers: readonly number[]): void;
  /** Gives the room back. */
  free(): void;
}

/** True if a small disk is a disk of its own: only root may mount one. */
export const hasRealDisks = process.getuid?.() === 0;

/** Opens one at the path: a disk of its own in memory, which only root may mount; for others, see `openLimit`. */
export function openSmallDisk(path: string): SmallDisk {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return hasRealDisks ? mountDisk(path) : openLimit(path);
}

function mountDisk(path: string): SmallDisk {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MEGABYTES}m,mode=0700`, 'tmpfs', path]);
  const ballast = join(path, 'ballast');
  return {
    path,
    fill() {
      const file = openSync(ballast, 'a');
      try {
        // The last writes are of single bytes: the remains of a page are room, too.
        for (let size = CHUNK_BYTES; size >= 1; ) if (!writes(file, size)) size = Math.floor(size / 16);
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast, { force: true }),
    // What has its files open there is about to end, or to be ended by the test that failed.
    [Symbol.dispose]: () => void execFileSync('umount', ['--lazy', path]),
  };
}

/** No disk, but a limit that everybody may set: the writers' files cannot grow. It dies with the writers. */
function openLimit(path: string): SmallDisk {
  return {
    path,
    fill(writers) {
      for (const pid of writers) execFileSync('prlimit', ['--pid', String(pid), '--fsize=0:']);
    },
    free: () => undefined,
    [Symbol.dispose]: () => undefined,
  };
}

function writes(file: number, size: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(size)) === size;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOSPC') throw thrown;
    return false;
  }
}
