import type { Benchmark } from '../benchmark.ts';

export interface ApiSettings {
  /** Requests a second. */
  readonly rate: number;
  /** Of one turn of one contender. */
  readonly seconds: number;
  /** Turns of each contender. */
  readonly rounds: number;
  /** Messages of the account. */
  readonly messages: number;
  /** Messages of an answer. */
  readonly limit: number;
}

export const OPTIONS = {
  rate: { default: '1000', text: 'requests a second, 10 to 20000' },
  seconds: { default: '5', text: 'seconds of each turn, 1 to 600' },
  rounds: { default: '3', text: 'turns of each that count, 1 to 20' },
  messages: { default: '20000', text: 'messages of the account, 100 to 1000000' },
  limit: { default: '10', text: 'messages of an answer, 1 to 100' },
} as const satisfies Benchmark['options'];

/** Rejects values with a sentence that names the option. */
export function parseApiSettings(values: Readonly<Record<string, string>>): ApiSettings {
  const read = (name: keyof typeof OPTIONS, least: number, most: number) => {
    const number = Number(values[name]);
    if (/^\d+$/.test(values[name] ?? '') && number >= least && number <= most) return number;
    throw new Error(`--${name} is a whole number from ${least} to ${most}, not ${values[name]}.`);
  };
  return {
    rate: read('rate', 10, 20_000),
    seconds: read('seconds', 1, 600),
    rounds: read('rounds', 1, 20),
    messages: read('messages', 100, 1_000_000),
    limit: read('limit', 1, 100),
  };
}
