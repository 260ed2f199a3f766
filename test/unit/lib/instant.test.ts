import { expect, it } from 'vitest';
import { clampInstantMs } from '../../../src/lib/instant.ts';

it.each([
  [Date.UTC(2026, 2, 1), '2026-03-01T00:00:00.000Z'],
  [1_500.9, '1970-01-01T00:00:01.500Z'],
  [-1, '1970-01-01T00:00:00.000Z'],
  [Number.NEGATIVE_INFINITY, '1970-01-01T00:00:00.000Z'],
  [1e20, '9999-12-31T23:59:59.999Z'],
  [Number.POSITIVE_INFINITY, '9999-12-31T23:59:59.999Z'],
])('moves %d into the years 1970 to 9999, in whole milliseconds', (atMs, instant) => {
  expect(new Date(clampInstantMs(atMs)).toISOString()).toBe(instant);
});
