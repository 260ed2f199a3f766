import { expect, it } from 'vitest';
import { isOwedSince } from '../../../src/webhooks/owed-since.ts';

const SINCE = { at: new Date(1_000), snapshot: '100:105:100,103' };

it.each<[string, number, string | null, boolean]>([
  ['began later, whatever its number', 1_000, '5', true],
  ['began later, of which no number is known', 1_001, null, true],
  ['began before, of which no number is known', 999, null, false],
  ['had ended before any that ran', 999, '99', false],
  ['ran', 999, '100', true],
  ['had ended while others ran', 999, '101', false],
  ['ran, as the last', 999, '103', true],
  ['had ended as the last', 999, '104', false],
  ['had no number yet', 999, '105', true],
  ['had no number yet, much later', 999, '18446744073709551615', true],
])('a transaction that %s', (_what, at, xid, expected) => {
  expect(isOwedSince(SINCE, { at: new Date(at), xid })).toBe(expected);
});

it('goes by the time where nobody kept which transactions ran', () => {
  expect(isOwedSince({ ...SINCE, snapshot: null }, { at: new Date(999), xid: '200' })).toBe(false);
  expect(isOwedSince({ ...SINCE, snapshot: '7:7:' }, { at: new Date(999), xid: '7' })).toBe(true);
});
