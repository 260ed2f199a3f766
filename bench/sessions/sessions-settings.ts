import type { Benchmark } from '../benchmark.ts';

/** What a page holds beyond what the simulator's needs. */
export interface Weight {
  readonly heapMb: number;
  readonly nodes: number;
  readonly storageMb: number;
}

export interface SessionsSettings {
  readonly sessions: number;
  /** From the last link until anything is measured, each window of CPU, seconds. */
  readonly settle: number;
  readonly seconds: number;
  /** Times that a session is restored. */
  readonly rounds: number;
  /** The light page, and a heavy one if there is one. */
  readonly weights: readonly Weight[];
}

export const LIGHT: Weight = { heapMb: 0, nodes: 0, storageMb: 0 };

export const OPTIONS = {
  sessions: { default: '5', text: 'sessions of each, 1 to 40' },
  // The first snapshot of a link is followed by another after 30 s, which is no rest.
  settle: { default: '45', text: 'seconds of rest before anything is measured, 0 to 600' },
  seconds: { default: '30', text: 'seconds of each window in which CPU time is counted, 1 to 600' },
  rounds: { default: '5', text: 'times that a session is restored, 1 to 50' },
  heap: { default: '100', text: 'megabytes of scripts’ objects in the heavy page, 0 to 1000' },
  nodes: { default: '2000', text: 'elements of its document, 0 to 1000000' },
  storage: { default: '20', text: 'megabytes of its IndexedDB, 0 to 1000' },
  only: { default: '', text: '"light" or "heavy": that page alone' },
} as const satisfies Benchmark['options'];

/** Rejects values with a sentence that names the option. */
export function parseSessionsSettings(values: Readonly<Record<string, string>>): SessionsSettings {
  const read = (name: Exclude<keyof typeof OPTIONS, 'only'>, least: number, most: number) => {
    const number = Number(values[name]);
    if (/^\d+$/.test(values[name] ?? '') && number >= least && number <= most) return number;
    throw new Error(`--${name} is a whole number from ${least} to ${most}, not ${values[name]}.`);
  };
  const heavy = {
    heapMb: read('heap', 0, 1_000),
    nodes: read('nodes', 0, 1_000_000),
    storageMb: read('storage', 0, 1_000),
  };
  return {
    sessions: read('sessions', 1, 40),
    settle: read('settle', 0, 600),
    seconds: read('seconds', 1, 600),
    rounds: read('rounds', 1, 50),
    weights: chooseWeights(values.only ?? '', heavy),
  };
}

function chooseWeights(only: string, heavy: Weight): readonly Weight[] {
  if (only === 'light') return [LIGHT];
  if (only === 'heavy') return [heavy];
  if (only === '') return [LIGHT, heavy];
  throw new Error(`--only is "light" or "heavy", not ${only}.`);
}
