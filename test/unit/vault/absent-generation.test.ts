import { expect, it } from 'vitest';
import { makeAccountId } from '../../../src/accounts/ids.ts';
import { ABSENT_WAIT_MS, AbsentWaits, decideAbsent } from '../../../src/vault/absent-generation.ts';
import { ManualClock } from '../../support/manual-clock.ts';

it.each([
  ['wait', false, 'elsewhere', ABSENT_WAIT_MS],
  ['wait', false, 'here', 0],
  ['lost', true, 'here', 0],
  ['wait', true, 'elsewhere', 0],
  ['wait', true, 'elsewhere', ABSENT_WAIT_MS - 1],
  ['left_behind', true, 'elsewhere', ABSENT_WAIT_MS],
  ['wait', true, 'unknown', ABSENT_WAIT_MS - 1],
  ['lost', true, 'unknown', ABSENT_WAIT_MS],
] as const)('says %s of a generation without a copy: held here %s, sealer %s, after %i ms', (...row) => {
  const [step, isHeldHere, sealer, waitedMs] = row;
  expect(decideAbsent({ isHeldHere, sealer, waitedMs })).toBe(step);
});

it('counts from when a generation was first missed under a lease, until it is not or another is', () => {
  const clock = new ManualClock();
  const waits = new AbsentWaits(clock);
  const accountId = makeAccountId();
  const waited = (generation: number, leaseEpoch = 1) =>
    waits.waitedMs({ accountId, generation, leaseEpoch });
  expect(waited(2)).toBe(0);
  clock.advance(1_000);
  expect(waited(2)).toBe(1_000);
  expect(waited(3)).toBe(0);
  clock.advance(500);
  expect(waited(3)).toBe(500);
  // Another instance had the account in between.
  expect(waited(3, 2)).toBe(0);
  clock.advance(100);
  expect(waited(3, 2)).toBe(100);
  waits.forget(accountId);
  expect(waited(3)).toBe(0);
});
