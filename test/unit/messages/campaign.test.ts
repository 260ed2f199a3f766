import fc from 'fast-check';
import { expect, it } from 'vitest';
import { countsToProgress, ITEM_STATUSES } from '../../../src/messages/campaign.ts';

it('counts a message that came further among those that came so far', () => {
  const counts = {
    waiting: 1,
    pending: 2,
    sent: 3,
    delivered: 4,
    read: 5,
    played: 6,
    failed: 7,
    rejected: 8,
  };
  expect(countsToProgress({ ...counts, cancelled: 9, unknown: 10, deferred: 11 }, 48)).toEqual({
    total: 66,
    waiting: 1,
    accepted: 48,
    sent: 18,
    delivered: 15,
    read: 11,
    failed: 15,
    cancelled: 9,
  });
});

it('leaves out no item, wherever it is', () => {
  const counts = fc.record(Object.fromEntries(ITEM_STATUSES.map((status) => [status, fc.nat(1_000)])));
  fc.assert(
    fc.property(counts, (some) => {
      const { total, sent, delivered, read } = countsToProgress(some, 0);
      expect(total).toBe(Object.values(some).reduce((sum, count) => sum + count, 0));
      return sent >= delivered && delivered >= read;
    }),
  );
});
