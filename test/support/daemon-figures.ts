import { readdirSync, readFileSync } from 'node:fs';
import type { ChaosPool } from './chaos-pool.ts';
import type { InsideFigures } from './inside-figures.ts';

/** What one daemon process holds. */
export interface DaemonFigures extends InsideFigures {
  readonly files: number;
  readonly threads: number;
  readonly memoryBytes: number;
}

/** Counts from the inside and the outside, after a garbage collection. */
export async function countDaemon(pool: ChaosPool): Promise<DaemonFigures> {
  const inside = await pool.insideFigures<InsideFigures>();
  const { pid } = pool.stage.daemon();
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const numberOf = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return {
    ...inside,
    files: readdirSync(`/proc/${pid}/fd`).length,
    threads: numberOf('Threads'),
    memoryBytes: numberOf('VmRSS') * 1_024,
  };
}
