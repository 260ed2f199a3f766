import { expect, it } from 'vitest';
import { makeAccountId } from '../../../src/accounts/ids.ts';
import { ABSENT_WAIT_MS, AbsentWaits, decideAbsent } from '../../../src/vault/absent-generation.ts';
import { ManualClock } from '../../support/manual-clock.ts';

it.each([
  ['wait', false, 'gone', ABSENT_WAIT_MS],
  ['wait', false, 'here', 0],
  ['lost', true, 'here', 0],
  ['wait', true, 'alive', 0],
  ['wait', true, 'alive', ABSENT_WAIT_MS - 1],
  ['left_behind', true, 'alive', ABSENT_WAIT_MS],
  ['left_behind', true, 'gone', 0],
] as const)('says %s of a generation without a copy: held here %s, sealer %s, after %i ms', (...row) => {
  const [step, isHeldHere, sealer, waitedMs] = row;
  expect(decideAbsent({ isHeldHere, sealer, waitedMs })).toBe(step);
});

it('counts from when a generation was first missed, until it is not or another is', () => {
  const clock = new ManualClock();
  const waits = new AbsentWaits(clock);
  const accountId = makeAccountId();
  const waited = (generation: number) => waits.waitedMs({ accountId, generation });
  expect(waited(2)).toBe(0);
  clock.advance(1_000);
  expect(waited(2)).toBe(1_000);
  expect(waited(3)).toBe(0);
  clock.advance(500);
  expect(waited(3)).toBe(500);
  waits.forget(accountId);
  expect(waited(3)).toBe(0);
});
