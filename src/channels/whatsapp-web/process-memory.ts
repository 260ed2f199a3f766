import { readFile } from 'node:fs/promises';

/**
 * The memory of some processes together, in bytes, each shared page counted in parts (PSS): what would be free if they
 * all ended. A process that ends meanwhile, or that may not be looked into, counts nothing.
 */
export async function readTreeMemory(pids: readonly number[]): Promise<number> {
  const each = await Promise.all(pids.map(readProcessMemory));
  return each.reduce((sum, bytes) => sum + bytes, 0);
}

async function readProcessMemory(pid: number): Promise<number> {
  try {
    const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
  } catch {
    // It ended while we looked.
    return 0;
  }
}
