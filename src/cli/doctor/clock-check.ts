import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { childEnvironment } from '../../config/child-environment.ts';
import type { Environment } from '../../config/environment.ts';
import { bad, type Finding, good, joinFindings, unknown, warning } from './finding.ts';

/** Differences that a second's rounding and a slow answer explain, and those that confuse limits and orders; milliseconds. */
const SLIGHT_MS = 3_000;
const GREAT_MS = 60_000;
/** Nothing that runs this was made before. */
const EARLIEST = Date.UTC(2026, 0, 1);

/** Another clock, and how far this machine's is ahead of it, in milliseconds. */
export interface ClockDifference {
  readonly of: string;
  readonly aheadMs: number;
}

/** What the machine says of its clock: set by a time server, or not; undefined if it does not say. */
export async function readSynchronised(env: Environment): Promise<boolean | undefined> {
  try {
    const { stdout } = await promisify(execFile)(
      'timedatectl',
      ['show', '-p', 'NTPSynchronized', '--value'],
      { env: childEnvironment(env), timeout: 3_000 },
    );
    const word = stdout.trim();
    return word === 'yes' ? true : word === 'no' ? false : undefined;
  } catch {
    // Not every machine has it; containers have none.
    return undefined;
  }
}

/** Decides about the clock from what is known of it. */
export function judgeClock(view: {
  readonly now: number;
  readonly isSynchronised: boolean | undefined;
  readonly differences: readonly ClockDifference[];
}): Finding {
  const { now, isSynchronised, differences } = view;
  const remedy = 'Let a time server set it (Debian: apt-get install systemd-timesyncd), on every machine.';
  const instant = new Date(now)
    .toISOString()
    .replace(/\.\d+Z$/, ' UTC')
    .replace('T', ' ');
  if (now < EARLIEST) return bad(`It says ${instant}, which has long passed.`, remedy);
  const found = differences.map(({ of, aheadMs }) => judgeDifference(of, aheadMs, remedy));
  if (isSynchronised === false) found.push(warning('No time server sets it.', remedy));
  if (isSynchronised === true) found.push(good('A time server sets it.'));
  if (found.length > 0) return joinFindings(found);
  return unknown(
    `It says ${instant}; nothing is here that it could be compared with.`,
    'Compare it with another clock.',
  );
}

function judgeDifference(of: string, aheadMs: number, remedy: string): Finding {
  const ms = Math.abs(aheadMs);
  if (ms <= SLIGHT_MS) return good(`It agrees with that of ${of}.`);
  const text = `It is ${Math.round(ms / 1_000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} that of ${of}.`;
  return ms <= GREAT_MS ? warning(text, remedy) : bad(text, remedy);
}
