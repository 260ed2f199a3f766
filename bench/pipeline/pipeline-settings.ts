import type { Benchmark } from '../benchmark.ts';

export interface PipelineSettings {
  /** Messages of one burst to one account; five accounts share twice as many. */
  readonly burst: number;
  /** Bursts that count, for each contender and number of accounts. */
  readonly rounds: number;
  /** Messages that come one by one, to measure how long each takes. */
  readonly paced: number;
  /** Messages sent one by one. */
  readonly sends: number;
  /** Messages that pass through the queue alone. */
  readonly ingest: number;
  /** How many accounts there are beside the one. */
  readonly accounts: number;
}

export const OPTIONS = {
  quick: { default: '', isFlag: true, text: 'a tenth of everything, one round' },
  burst: { default: '5000', text: 'messages in a burst to one account, 100 to 100000' },
  rounds: { default: '3', text: 'bursts that count, 1 to 20' },
  paced: { default: '400', text: 'messages at 20 a second, for the times each takes, 10 to 10000' },
  sends: { default: '200', text: 'messages sent one after another, 10 to 10000' },
  ingest: { default: '200000', text: 'messages through the queue alone, 1000 to 2000000' },
  accounts: { default: '5', text: 'accounts beside the one, 1 to 10' },
} as const satisfies Benchmark['options'];

/** With --quick, what was not chosen is a tenth of what it would be. */
const QUICKER = 10;

/** Rejects values with a sentence that names the option. */
export function parsePipelineSettings(values: Readonly<Record<string, string>>): PipelineSettings {
  const isQuick = values.quick === 'yes';
  const read = (name: Exclude<keyof typeof OPTIONS, 'quick'>, [least, most]: readonly [number, number]) => {
    const number = parseNumber(name, values[name] ?? '', least, most);
    const isChosen = values[name] !== OPTIONS[name].default;
    return isQuick && !isChosen && name !== 'accounts' ? Math.ceil(number / QUICKER) : number;
  };
  return {
    burst: read('burst', [100, 100_000]),
    rounds: read('rounds', [1, 20]),
    paced: read('paced', [10, 10_000]),
    sends: read('sends', [10, 10_000]),
    ingest: read('ingest', [1_000, 2_000_000]),
    accounts: read('accounts', [1, 10]),
  };
}

function parseNumber(option: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least && number <= most) return number;
  throw new Error(`--${option} is a whole number from ${least} to ${most}, not ${value}.`);
}
