import { expect, it } from 'vitest';
import { backoffDelayMs } from '../../../src/lib/backoff.ts';

it('waits 0, 1, 2, 4, 8, 16 and then 30 seconds before each further try', () => {
  const seconds = [1, 2, 3, 4, 5, 6, 7, 8, 1_000].map((attempt) => backoffDelayMs(attempt) / 1_000);
  expect(seconds).toEqual([0, 1, 2, 4, 8, 16, 30, 30, 30]);
});
