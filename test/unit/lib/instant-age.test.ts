import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ageMs } from '../../../src/lib/instant-age.ts';

const NOW = Date.UTC(2026, 2, 1, 12);

it.each([
  ['past', -1_500, 1_500],
  ['now', 0, 0],
  ['a little ahead', 60_000, 0],
  ['ahead by more than the window', 60_001, Number.POSITIVE_INFINITY],
])('tells the age of an instant that is %s', (_what, aheadMs, age) => {
  expect(ageMs(NOW + aheadMs, NOW, 60_000)).toBe(age);
});

it('lets what is ahead of now grow as old as the window within two windows', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (aheadMs, windowMs) => {
      fc.pre(aheadMs <= windowMs);
      expect(ageMs(NOW + aheadMs, NOW + 2 * windowMs, windowMs)).toBeGreaterThanOrEqual(windowMs);
    }),
  );
});
