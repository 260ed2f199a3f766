import { readFile } from 'node:fs/promises';
import { errnoOf } from '../../lib/errors.ts';

/** The unit of /proc, which it calls kB. */
const KIB = 1024;

/**
 * The memory of some processes together, in bytes, each shared page counted in parts (PSS): what would be free if they
 * all ended. A process that ends meanwhile counts nothing; of one that may not be looked into, what it shares counts
 * nothing. The kernel takes two milliseconds a process for it, beside the event loop.
 */
export async function readTreeMemory(pids: readonly number[]): Promise<number> {
  const each = await Promise.all(pids.map(readProcessMemory));
  return each.reduce((sum, bytes) => sum + bytes, 0);
}

async function readProcessMemory(pid: number): Promise<number> {
  try {
    return await readShare(pid);
  } catch (thrown) {
    const code = errnoOf(thrown);
    // A sandboxed process may be closed to its own user.
    return code === 'EACCES' || code === 'EPERM' ? await readOwnPages(pid) : 0;
  }
}

async function readShare(pid: number): Promise<number> {
  return findNumber(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Pss');
}

async function readOwnPages(pid: number): Promise<number> {
  // It may end while we look.
  return findNumber(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''), 'RssAnon');
}

function findNumber(text: string, name: string): number {
  const [, kib] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text) ?? [];
  return Number(kib ?? 0) * KIB;
}
