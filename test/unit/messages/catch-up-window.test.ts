import { describe, expect, it } from 'vitest';
import { catchUpFloor, pauseAfterRunMs } from '../../../src/messages/catch-up-window.ts';

const HOUR = 3_600_000;
const NOW = 1_000 * HOUR;

describe('the instant from which the page is read back', () => {
  it.each<[number | null, number | null, number]>([
    [NOW - 5 * HOUR, NOW - 500 * HOUR, NOW - 6 * HOUR],
    [null, NOW - 10 * HOUR, NOW - 58 * HOUR],
    [null, null, NOW - 48 * HOUR],
    [null, NOW + HOUR, NOW - 48 * HOUR],
    [NOW + 100 * HOUR, NOW - 500 * HOUR, NOW - 48 * HOUR],
  ])('follows from what is caught up (%s) and the first link (%s)', (caughtUpTo, firstLinkedAt, expected) => {
    expect(catchUpFloor({ caughtUpTo, firstLinkedAt }, NOW)).toBe(expected);
  });
});

describe('the pause after a run', () => {
  it('is ten minutes when all was read, else grows from half a minute to that', () => {
    expect([0, 1, 2, 3, 6, 99].map(pauseAfterRunMs)).toEqual([
      600_000, 30_000, 60_000, 120_000, 600_000, 600_000,
    ]);
  });
});
