/**
 * Servers that outlived a daemon killed with SIGKILL. They are stopped the way the daemon would have stopped
 * them and started anew, rather than adopted: a process that is nobody's child reports neither its end nor its
 * log, and two ways of supervision would be one too many. A stop and a start cost a fraction of a second.
 *
 * They are found by their arguments in /proc, not by a pid file: a pid file can be missing, stale, or name a
 * pid that belongs to another program by now, and nothing that is not ours may ever be signalled.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { waitMs } from '../lib/abort.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { StopStep } from './child-run.ts';

/** How often a process that is not our child is looked at: it cannot tell us that it ended. */
const LOOK_EVERY_MS = 20;

/** What the command line of our server holds: a program of this name, and this option with this value. */
export interface ServerMark {
  readonly program: string;
  readonly option: string;
  readonly value: string;
}

/** True if these arguments start the marked server, directly or through a program like setpriv. */
export function isMarked(args: readonly string[], mark: ServerMark): boolean {
  return (
    args.some((arg) => basename(arg) === mark.program) &&
    args.some((arg, index) => arg === mark.option && args[index + 1] === mark.value)
  );
}

/** The pids of the marked server, without zombies (they have no arguments). */
export async function findSurvivors(mark: ServerMark): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const ours = await Promise.all(pids.map((pid) => isServer(pid, mark)));
  return pids.filter((pid, index) => ours[index] === true && pid !== process.pid);
}

/** Ends every process of the marked server, gently first. Resolves when none is left. */
export async function endSurvivors(
  mark: ServerMark,
  steps: readonly StopStep[],
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (const pid of await findSurvivors(mark)) {
    log.warn('A server outlived an earlier daemon and is stopped', { program: mark.program, pid });
    await endSurvivor(pid, mark, steps, signal);
  }
}

async function endSurvivor(
  pid: number,
  mark: ServerMark,
  steps: readonly StopStep[],
  signal: AbortSignal,
): Promise<void> {
  for (const step of [...steps, { signal: 'SIGKILL', graceMs: Number.POSITIVE_INFINITY } as const]) {
    const until = performance.now() + step.graceMs;
    if (!(await isServer(pid, mark))) return;
    sendSignal(pid, step.signal);
    while (performance.now() < until) {
      if (!(await isServer(pid, mark))) return;
      await waitMs(LOOK_EVERY_MS, signal);
    }
  }
}

async function isServer(pid: number, mark: ServerMark): Promise<boolean> {
  return isMarked(await readArguments(pid), mark);
}

/** The arguments of a process; none if it is gone, a zombie, or not for us to see. */
async function readArguments(pid: number): Promise<string[]> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
  } catch {
    return [];
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (thrown) {
    // It ended between the look and the signal, which is what was wanted.
    const error: NodeJS.ErrnoException = toError(thrown);
    if (error.code !== 'ESRCH') throw error;
  }
}
