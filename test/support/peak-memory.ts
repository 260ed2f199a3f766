import { readFileSync, writeFileSync } from 'node:fs';

/**
 * How much more of the machine's memory this process had at its worst while it worked than before, in bytes. The kernel
 * counts, so nothing that comes and goes in between is missed.
 */
export async function measurePeakGrowth(work: () => Promise<void>): Promise<number> {
  // Begins the kernel's count of the peak anew.
  writeFileSync('/proc/self/clear_refs', '5');
  const before = readMemory('VmRSS');
  await work();
  return readMemory('VmHWM') - before;
}

function readMemory(field: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(found?.[1]) * 1024;
}
