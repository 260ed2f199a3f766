import type { Benchmark } from '../benchmark.ts';

export interface FleetSettings {
  /** Numbers of accounts, rising; the cost of none is taken off each. */
  readonly sizes: readonly number[];
  /** Before that: reading pages back, their contacts, the first pauses. */
  readonly settle: number;
  /** For how long the daemon is looked at while nothing happens. */
  readonly seconds: number;
  /** Requests of each kind. */
  readonly requests: number;
}

export const OPTIONS = {
  sizes: { default: '10,100,1000', text: 'numbers of accounts, two at least, 1 to 10000 each' },
  settle: { default: '12', text: 'seconds in which what follows a boot comes to its end, 0 to 3600' },
  seconds: { default: '60', text: 'seconds of idleness that are measured, 1 to 3600' },
  requests: { default: '300', text: 'requests of each kind, 10 to 10000' },
} as const satisfies Benchmark['options'];

/** Rejects values with a sentence that names the option. */
export function parseFleetSettings(values: Readonly<Record<string, string>>): FleetSettings {
  const sizes = (values.sizes ?? '').split(',').map((text) => parseNumber('sizes', text, [1, 10_000]));
  if (sizes.length < 2) throw new Error('--sizes are two numbers at least, such as 10,100.');
  return {
    sizes: [...new Set(sizes)].sort((one, other) => one - other),
    settle: parseNumber('settle', values.settle ?? '', [0, 3_600]),
    seconds: parseNumber('seconds', values.seconds ?? '', [1, 3_600]),
    requests: parseNumber('requests', values.requests ?? '', [10, 10_000]),
  };
}

function parseNumber(option: string, text: string, [least, most]: readonly [number, number]): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new Error(`--${option} takes whole numbers from ${least} to ${most}, not ${text}.`);
}
