import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { waitMs } from '../../lib/abort.ts';

/** Between two looks at whether killed processes are gone; the kernel takes some milliseconds. */
const LOOK_AGAIN_MS = 20;

/** How long killed processes may take to vanish before we go on without them. */
const GONE_DEADLINE_MS = 5_000;

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly zombie: boolean;
  readonly commandLine: string;
}

function readProcess(pid: number): ProcessEntry | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return { pid, parent: Number(parent), group: Number(group), zombie: state === 'Z', commandLine };
  } catch {
    // It ended while we looked.
    return undefined;
  }
}

function listProcesses(): ProcessEntry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? []);
}

/**
 * Living processes that belong to a profile: those that name it on their command line, their descendants, and the
 * rest of their process groups (puppeteer starts each browser as the leader of one).
 */
export function findBrowserProcesses(profilePath: string, known: readonly number[] = []): number[] {
  const all = listProcesses().filter((entry) => !entry.zombie && entry.pid !== process.pid);
  const named = (entry: ProcessEntry) =>
    entry.commandLine.includes(`--user-data-dir=${profilePath} `) ||
    known.includes(entry.pid) ||
    known.includes(entry.group);
  const mine = new Set(all.filter(named).map((entry) => entry.pid));
  for (let grown = true; grown; ) {
    grown = false;
    for (const entry of all) {
      if (mine.has(entry.pid) || !(mine.has(entry.parent) || mine.has(entry.group))) continue;
      mine.add(entry.pid);
      grown = true;
    }
  }
  return [...mine];
}

/**
 * Kills whatever lives of a profile's browser and resolves when it is gone; true if there was something to kill.
 * Only then may the profile's locks be removed (faults F28, F29).
 */
export async function killBrowserProcesses(
  profilePath: string,
  known: readonly number[] = [],
): Promise<boolean> {
  const deadline = AbortSignal.timeout(GONE_DEADLINE_MS);
  let killed = false;
  for (;;) {
    const living = findBrowserProcesses(profilePath, known);
    if (living.length === 0 || deadline.aborted) return killed;
    for (const pid of living) {
      killed = true;
      kill(pid);
    }
    await waitMs(LOOK_AGAIN_MS, new AbortController().signal);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}

/** Profiles under `root` that a living browser uses: at boot, orphans of an earlier run. */
export function findProfilesInUse(root: string): string[] {
  const argument = `--user-data-dir=${root}/`;
  const found = listProcesses().flatMap(({ commandLine }) => {
    const at = commandLine.indexOf(argument);
    // The root may have spaces in it, a profile's name has none.
    const [name] = at < 0 ? [] : (/^\S+/.exec(commandLine.slice(at + argument.length)) ?? []);
    return name === undefined ? [] : [join(root, name)];
  });
  return [...new Set(found)];
}

/**
 * Removes Chromium's lock files of a profile whose browser is gone: a lock of another host stops a launch (F30). One
 * whose process lives on this host stays: the browser itself knows what to make of it, and two on one profile would
 * spoil it (F29).
 */
export function removeProfileLocks(profilePath: string): void {
  if (isLockedByLiving(profilePath)) return;
  for (const name of ['SingletonLock', 'SingletonCookie', 'SingletonSocket']) {
    rmSync(join(profilePath, name), { force: true });
  }
}

/** The lock is a link to `<host>-<pid>`. */
function isLockedByLiving(profilePath: string): boolean {
  try {
    const [, host, pid] = /^(.*)-(\d+)$/.exec(readlinkSync(join(profilePath, 'SingletonLock'))) ?? [];
    return host === hostname() && readProcess(Number(pid)) !== undefined;
  } catch {
    // There is no lock, or it is none of Chromium's.
    return false;
  }
}
