import { readFileSync, writeFileSync } from 'node:fs';

/**
 * How much more of the machine's memory a process (by default this one) had at its worst during the work than before, in
 * bytes. The kernel counts, so nothing that comes and goes in between is missed.
 */
export async function measurePeakGrowth(
  work: () => Promise<void>,
  pid: number | 'self' = 'self',
): Promise<number> {
  // Begins the kernel's count of the peak anew.
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const before = readMemory(pid, 'VmRSS');
  await work();
  return readMemory(pid, 'VmHWM') - before;
}

function readMemory(pid: number | 'self', field: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1]) * 1024;
}
