import { expect, it } from 'vitest';
import { LastNumbers } from '../../../src/http/last-numbers.ts';

it('takes each number of a source once, and none that is not above the last', () => {
  const numbers = new LastNumbers(10);
  expect([0, 1, 1, 3, 2].map((n) => numbers.isNew('a', n))).toEqual([false, true, false, true, false]);
  expect(numbers.isNew('b', 1)).toBe(true);
});

it('forgets the source that was heard of longest ago', () => {
  const numbers = new LastNumbers(2);
  for (const source of ['a', 'b', 'c']) numbers.isNew(source, 1);
  expect([numbers.isNew('b', 1), numbers.isNew('c', 1)]).toEqual([false, false]);
  expect(numbers.isNew('a', 1)).toBe(true);
});
