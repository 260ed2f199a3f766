import type { Benchmark } from '../benchmark.ts';

const ZSTDS = ['auto', 'program', 'node'] as const;

export interface VaultSettings {
  /** Of the profile. */
  readonly bytes: number;
  /** That count; one more goes before them. */
  readonly rounds: number;
  readonly seed: string;
  /** What stands behind tar; `auto` is the program, and Node's own where there is none. */
  readonly zstd: (typeof ZSTDS)[number];
}

export const OPTIONS = {
  size: { default: '100', text: 'MB (millions of bytes) in the profile, 1 to 4000' },
  rounds: { default: '5', text: 'rounds that count, 1 to 100' },
  seed: { default: '1', text: 'another one makes another profile' },
  zstd: { default: 'auto', text: `what stands behind tar: ${ZSTDS.join(', ')}` },
} as const satisfies Benchmark['options'];

/** Rejects values with a sentence that names the option. */
export function parseVaultSettings(values: Readonly<Record<string, string>>): VaultSettings {
  const { size = '', rounds = '', seed = '', zstd = '' } = values;
  const known = ZSTDS.find((each) => each === zstd);
  if (known === undefined) throw new Error(`--zstd is one of ${ZSTDS.join(', ')}, not ${zstd}.`);
  return {
    bytes: parseNumber('size', size, 4000) * 1e6,
    rounds: parseNumber('rounds', rounds, 100),
    seed,
    zstd: known,
  };
}

function parseNumber(option: string, value: string, largest: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= 1 && number <= largest) return number;
  throw new Error(`--${option} is a whole number from 1 to ${largest}, not ${value}.`);
}
