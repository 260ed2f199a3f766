import { readdirSync, readFileSync } from 'node:fs';
import { constants, copyFile, link, lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { orAborted, waitMs } from '../../lib/abort.ts';
import { errnoOf, toError } from '../../lib/errors.ts';
import { findBrowserProcesses } from './browser-process.ts';
import { findKeptEntries } from './profile-content.ts';

/** Between two looks at whether all of a browser stands still; what it is writing just then takes about this long. */
const LOOK_AGAIN_MS = 1;

/** Tables of a LevelDB are written once and never changed: another name for the same bytes is as good as a copy. */
const UNCHANGING = /\.ldb$/;

export interface FrozenCopyOptions {
  /** Told when all processes stand still. */
  readonly onFrozen?: () => void;
  /** For tests. */
  readonly findProcesses?: (profilePath: string) => readonly number[];
  readonly kill?: (pid: number, name: 'SIGSTOP' | 'SIGCONT') => void;
}

/**
 * Copies what is kept of a profile while its browser runs, whose processes stand still meanwhile, and resolves with how
 * long they did, milliseconds. They go on in every case. `target` is made; after a failure nothing is left of it.
 * @throws an Error if they do not stand still, or the copy is not complete, before the deadline
 */
export async function copyFrozen(
  profilePath: string,
  target: string,
  deadlineMs: number,
  { onFrozen, findProcesses = findBrowserProcesses, kill = process.kill }: FrozenCopyOptions = {},
): Promise<number> {
  await mkdir(target, { mode: 0o700 });
  const deadline = AbortSignal.timeout(deadlineMs);
  let copying: Promise<void> = Promise.resolve();
  const frozen = new FrozenProcesses(kill);
  const since = performance.now();
  try {
    try {
      await freeze(frozen, () => findProcesses(profilePath), deadline);
      onFrozen?.();
      copying = copyKept(profilePath, target, deadline);
      await orAborted(copying, deadline);
    } finally {
      frozen.goOn();
    }
    return performance.now() - since;
  } catch (thrown) {
    // The browser goes on already; what was being copied must not write behind the removal.
    await copying.catch(() => undefined);
    await rm(target, { recursive: true, force: true });
    if (!deadline.aborted) throw thrown;
    throw new Error(`The browser's profile could not be copied within ${deadlineMs} ms.`, { cause: thrown });
  }
}

/** Stops processes until a look finds neither a new one nor one that still does something. */
async function freeze(
  frozen: FrozenProcesses,
  findProcesses: () => readonly number[],
  deadline: AbortSignal,
): Promise<void> {
  for (;;) {
    const found = findProcesses();
    // One that stands still already was stopped by somebody else, and is not ours to set going.
    const fresh = found.filter((pid) => !frozen.has(pid) && !standsStill(pid));
    for (const pid of fresh) frozen.stop(pid);
    if (fresh.length === 0 && found.every(standsStill)) return;
    await waitMs(LOOK_AGAIN_MS, deadline);
  }
}

/** Processes that were stopped here. */
class FrozenProcesses {
  readonly #kill: NonNullable<FrozenCopyOptions['kill']>;
  readonly #pids = new Set<number>();

  constructor(kill: NonNullable<FrozenCopyOptions['kill']>) {
    this.#kill = kill;
  }

  has(pid: number): boolean {
    return this.#pids.has(pid);
  }

  /** One that is gone is no error. */
  stop(pid: number): void {
    this.#signal(pid, 'SIGSTOP');
    this.#pids.add(pid);
  }

  /** Sets every one of them going, also where one cannot be. @throws AggregateError of those */
  goOn(): void {
    const failures: Error[] = [];
    for (const pid of this.#pids) {
      try {
        this.#signal(pid, 'SIGCONT');
      } catch (thrown) {
        failures.push(toError(thrown));
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'A process of the browser was left stopped.');
  }

  #signal(pid: number, name: 'SIGSTOP' | 'SIGCONT'): void {
    try {
      this.#kill(pid, name);
    } catch (thrown) {
      if (errnoOf(thrown) !== 'ESRCH') throw thrown;
    }
  }
}

/** True if every thread is stopped or has ended: one that waits for the disk has a write before it still. */
function standsStill(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      return 'TtZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2));
    });
  } catch {
    // It, or a thread of it, ended while we looked: another look tells.
    return false;
  }
}

async function copyKept(profilePath: string, target: string, deadline: AbortSignal): Promise<void> {
  for (const entry of await findKeptEntries(profilePath)) {
    await mkdir(dirname(join(target, entry)), { recursive: true, mode: 0o700 });
    await copyTree(join(profilePath, entry), join(target, entry), deadline);
  }
}

async function copyTree(from: string, to: string, deadline: AbortSignal): Promise<void> {
  deadline.throwIfAborted();
  const stats = await lstat(from);
  if (stats.isDirectory()) {
    await mkdir(to, { mode: 0o700 });
    for (const name of await readdir(from)) await copyTree(join(from, name), join(to, name), deadline);
  } else if (stats.isFile()) {
    if (UNCHANGING.test(from) && (await isLinked(from, to))) return;
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  }
}

/** What a copy of a profile takes at most, in bytes, if its browser writes nothing meanwhile. Tables get second names. */
export function measureCopy(profilePath: string): Promise<number> {
  return measureKept(profilePath, (path) => !UNCHANGING.test(path));
}

/** What the files take that are kept of a profile, or those of them that count, in bytes. */
export async function measureKept(profilePath: string, counts = (_path: string) => true): Promise<number> {
  let bytes = 0;
  for (const entry of await findKeptEntries(profilePath))
    bytes += await measureTree(join(profilePath, entry), counts);
  return bytes;
}

async function measureTree(path: string, counts: (path: string) => boolean): Promise<number> {
  if (!counts(path)) return 0;
  // The browser removes files as it goes.
  const stats = await lstat(path).catch(() => undefined);
  if (!stats?.isDirectory()) return stats?.size ?? 0;
  let bytes = 0;
  for (const name of await readdir(path).catch(() => []))
    bytes += await measureTree(join(path, name), counts);
  return bytes;
}

/** False where the file system has no second names. */
async function isLinked(from: string, to: string): Promise<boolean> {
  return link(from, to).then(
    () => true,
    () => false,
  );
}
