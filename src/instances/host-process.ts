/**
 * Which process a run of an instance is, so that another one on the same machine can see that it is gone. A number of a
 * process alone proves nothing: it is given out again, and means another process in every container and after each boot.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { errnoOf } from '../lib/errors.ts';

/**
 * `own` was written by the same HostProcess. `elsewhere`: on another machine, in another container, of before a boot, or by
 * another part of this very process: nothing can be seen of it from here. `displaced` is the same, but it had the data folder
 * that this process has by now; on this machine, whose kernel keeps the lock of the folder, that one is gone.
 */
export type ProcessSight = 'own' | 'alive' | 'gone' | 'displaced' | 'elsewhere';

export interface HostProcess {
  /** This process, as others read it; each HostProcess has a text of its own. */
  readonly text: string;
  /** What can be seen of a process that an instance has written down; never throws. */
  lookAt(text: string): ProcessSight;
}

/**
 * Where /proc tells nothing of this process, none is ever seen to be gone.
 * @param folderId of the data folder whose lock this process holds for as long as it runs
 */
export function readHostProcess(folderId?: string): HostProcess {
  const place = readPlace();
  const startedAt = readLife(process.pid)?.startedAt;
  const parts = [...(place ?? ['unknown', 'unknown']), process.pid, startedAt ?? 'unknown', randomUUID()];
  const text = [...parts, ...(folderId === undefined ? [] : [folderId])].join('/');
  return {
    text,
    lookAt(other) {
      if (other === text) return 'own';
      const [boot, namespace, pid = '', start = '', , folder] = other.split('/');
      if (folder !== undefined && folder === folderId) return boot === place?.[0] ? 'gone' : 'displaced';
      if (place === undefined || boot !== place[0] || namespace !== place[1]) return 'elsewhere';
      if (Number(pid) === process.pid && start === startedAt) return 'elsewhere';
      return sightOf(Number(pid), start);
    },
  };
}

/** The boot, and the namespace in which numbers of processes mean something. */
function readPlace(): readonly [boot: string, namespace: string] | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const namespace = readPidNamespace();
    return namespace === undefined ? undefined : [boot, namespace];
  } catch {
    return undefined;
  }
}

/** In which numbers of processes mean something, and outside of which no process is seen; undefined where /proc does not tell. */
export function readPidNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
  } catch {
    return undefined;
  }
}

function sightOf(pid: number, startedAt: string): ProcessSight {
  if (!Number.isSafeInteger(pid) || pid <= 0) return 'elsewhere';
  if (!isThere(pid)) return 'gone';
  const life = readLife(pid);
  // Processes of other users may be hidden.
  if (life === undefined) return isThere(pid) ? 'alive' : 'gone';
  return life.startedAt === startedAt && !life.isOver ? 'alive' : 'gone';
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // It may also be that it must not be signalled.
    return errnoOf(thrown) !== 'ESRCH';
  }
}

/** When a process was started, in ticks of the kernel since boot, and whether it is one that only waits to be reaped. */
function readLife(pid: number): { readonly startedAt: string; readonly isOver: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // After the name, which may hold anything: state is the first, the start the twentieth.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const startedAt = fields[19];
    return startedAt === undefined ? undefined : { startedAt, isOver: /[ZX]/.test(fields[0] ?? '') };
  } catch {
    return undefined;
  }
}
