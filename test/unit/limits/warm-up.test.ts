import { describe, expect, it } from 'vitest';
import { warmUpLimit } from '../../../src/limits/warm-up.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 2, 1);

describe('warmUpLimit', () => {
  it.each([
    { days: 0, limit: 20 },
    { days: 0.99, limit: 20 },
    { days: 1, limit: 28 },
    { days: 2, limit: 39 },
    { days: 7, limit: 210 },
    { days: 13, limit: 1_587 },
    { days: 14, limit: Number.POSITIVE_INFINITY },
    { days: 400, limit: Number.POSITIVE_INFINITY },
  ])('after $days days is $limit', ({ days, limit }) => {
    expect(warmUpLimit(NOW - days * DAY_MS, NOW)).toBe(limit);
  });

  it.each([null, NOW + DAY_MS])('is that of the first day where the age is none: %s', (firstLinkedAt) => {
    expect(warmUpLimit(firstLinkedAt, NOW)).toBe(20);
  });
});
