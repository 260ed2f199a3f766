import { ownLaunchPlaces } from '../../src/channels/whatsapp-web/launch-gate.ts';
import type { Benchmark } from '../benchmark.ts';

export interface BootSettings {
  readonly accounts: number;
  /** Places of the launch gate, 0 for none; that of the daemon is among them. */
  readonly gates: readonly number[];
  readonly rounds: number;
}

/** The gate that the daemon has on this machine. */
export const OWN_GATE = ownLaunchPlaces();

export const OPTIONS = {
  accounts: { default: '40', text: 'accounts, each with a browser of its own, 2 to 200' },
  gates: { default: '1,2,4,8,0', text: 'places of the launch gate beside the daemon’s own; 0 is no gate' },
  rounds: { default: '1', text: 'boots with each gate, 1 to 10' },
} as const satisfies Benchmark['options'];

/** Rejects values with a sentence that names the option. */
export function parseBootSettings(values: Readonly<Record<string, string>>): BootSettings {
  const gates = (values.gates ?? '').split(',').map((text) => parseNumber('gates', text, [0, 200]));
  return {
    accounts: parseNumber('accounts', values.accounts ?? '', [2, 200]),
    gates: [...new Set([...gates, OWN_GATE])],
    rounds: parseNumber('rounds', values.rounds ?? '', [1, 10]),
  };
}

function parseNumber(option: string, text: string, [least, most]: readonly [number, number]): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new Error(`--${option} takes whole numbers from ${least} to ${most}, not ${text}.`);
}
