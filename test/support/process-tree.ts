import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

/** Between two looks at whether killed processes are gone. */
const LOOK_AGAIN_MS = 20;

export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly zombie: boolean;
  readonly commandLine: string;
}

/** Every process that can be seen, the dead that nobody has waited for included. */
export function listProcesses(): ProcessEntry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const commandLine = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return [{ pid: Number(name), parent: Number(parent), zombie: state === 'Z', commandLine }];
      } catch {
        // It ended while we looked.
        return [];
      }
    });
}

/** The process and all that descend from it. */
export function listTree(pid: number): ProcessEntry[] {
  const all = listProcesses();
  const tree = all.filter((entry) => entry.pid === pid);
  for (const { pid: parent } of tree) tree.push(...all.filter((entry) => entry.parent === parent));
  return tree;
}

/** Browsers, without their children, whose profile's path begins so. */
export function listBrowsers(profilePath: string): ProcessEntry[] {
  return listProcesses().filter(
    ({ commandLine, zombie }) =>
      !zombie && commandLine.includes(`--user-data-dir=${profilePath}`) && !commandLine.includes('--type='),
  );
}

/** Living processes that were given all of these entries (`NAME=value`, or how one begins) in their environment. */
export function listProcessesOf(environment: readonly string[]): ProcessEntry[] {
  return listProcesses().filter(({ pid, zombie }) => !zombie && hasEnvironment(pid, environment));
}

function hasEnvironment(pid: number, entries: readonly string[]): boolean {
  try {
    const given = `\0${readFileSync(`/proc/${pid}/environ`, 'utf8')}`;
    return entries.every((entry) => given.includes(`\0${entry}`));
  } catch {
    // It ended while we looked.
    return false;
  }
}

/** Living processes of a browser that the bare library has started, and nobody has marked, by its profile. */
export function findBareBrowser(profilePath: string): number[] {
  return listBrowsers(`${profilePath} `)
    .flatMap(({ pid }) => listTree(pid))
    .flatMap(({ pid, zombie }) => (zombie ? [] : [pid]));
}

/** Kills such a browser; resolves when it is gone. */
export async function killBareBrowser(profilePath: string): Promise<void> {
  for (;;) {
    const living = findBareBrowser(profilePath);
    if (living.length === 0) return;
    for (const pid of living) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    await setTimeout(LOOK_AGAIN_MS);
  }
}
