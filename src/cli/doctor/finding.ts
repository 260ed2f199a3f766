import { rowsToTable, textToLine } from '../terminal-text.ts';

/** What is looked at, in this order. */
export const CHECK_NAMES = [
  'configuration',
  'daemon',
  'chromium',
  'redis',
  'postgres',
  'key',
  'disk',
  'tmpfs',
  'ports',
  'clock',
] as const;
export type CheckName = (typeof CHECK_NAMES)[number];

/**
 * `good`; `warning`: works, but somebody should know; `bad`: has to be mended; `unknown`: could not be looked at from here,
 * which is nobody's fault.
 */
export type Outcome = 'good' | 'warning' | 'bad' | 'unknown';

export interface Finding {
  readonly outcome: Outcome;
  /** One sentence: what was found. */
  readonly found: string;
  /** What to do about it; null if nothing is to be done. */
  readonly remedy: string | null;
}

/** A finding by what was looked at. */
export type Check = Finding & { readonly name: CheckName };

export const good = (found: string): Finding => ({ outcome: 'good', found, remedy: null });
export const warning = (found: string, remedy: string): Finding => ({ outcome: 'warning', found, remedy });
export const bad = (found: string, remedy: string): Finding => ({ outcome: 'bad', found, remedy });
export const unknown = (found: string, remedy: string): Finding => ({ outcome: 'unknown', found, remedy });

const GRAVITY: Readonly<Record<Outcome, number>> = { good: 0, unknown: 1, warning: 2, bad: 3 };

/** Several findings of one check as one: the worst counts, and every one that is not good has its remedy told. */
export function joinFindings(findings: readonly Finding[]): Finding {
  const outcome = findings.reduce<Outcome>(
    (worst, each) => (GRAVITY[each.outcome] > GRAVITY[worst] ? each.outcome : worst),
    'good',
  );
  const remedies = [...new Set(findings.flatMap(({ remedy }) => remedy ?? []))];
  return {
    outcome,
    found: findings.map(({ found }) => found).join(' '),
    remedy: remedies.length === 0 ? null : remedies.join(' '),
  };
}

const MARKS: Readonly<Record<Outcome, string>> = { good: 'ok', warning: 'warning', bad: 'BAD', unknown: '?' };

/** A line of what was found for each check, and one below it with the remedy; then what it comes to. */
export function describeChecks(checks: readonly Check[]): string {
  const rows = checks.flatMap(({ name, outcome, found, remedy }) => [
    [name, MARKS[outcome], textToLine(found)],
    ...(remedy === null ? [] : [['', '', `→ ${textToLine(remedy)}`]]),
  ]);
  return `${rowsToTable(['CHECK', '', 'FOUND'], rows)}\n${describeSum(checks)}\n`;
}

function describeSum(checks: readonly Check[]): string {
  const count = (outcome: Outcome) => checks.filter((check) => check.outcome === outcome).length;
  const parts = [
    [count('bad'), 'to be mended'],
    [count('warning'), 'to know of'],
    [count('unknown'), 'not known from here'],
  ] as const;
  const told = parts.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  return told.length === 0 ? 'All is well.' : `${told.join(', ')}.`;
}
