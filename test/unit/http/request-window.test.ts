import { expect, it } from 'vitest';
import { RequestWindow } from '../../../src/http/request-window.ts';
import { ManualClock } from '../../support/manual-clock.ts';

it('allows so many calls a window and caller', () => {
  const clock = new ManualClock();
  const window = new RequestWindow({ limit: 2, windowMs: 1_000, clock });
  expect([window.count('a'), window.count('a'), window.count('a')]).toEqual([0, 0, 1_000]);
  expect(window.count('b')).toBe(0);
  clock.advance(400);
  expect(window.count('a')).toBe(600);
  clock.advance(600);
  expect(window.count('a')).toBe(0);
});

it('allows any number if the limit is 0', () => {
  const window = new RequestWindow({ limit: 0, windowMs: 1_000, clock: new ManualClock() });
  for (let count = 0; count < 10; count += 1) expect(window.count('a')).toBe(0);
});

it('remembers a bounded number of callers', () => {
  const window = new RequestWindow({ limit: 1, windowMs: 1_000, clock: new ManualClock() });
  window.count('first');
  for (let count = 0; count < 10_000; count += 1) window.count(`caller ${count}`);
  expect(window.count('first')).toBe(0);
  expect(window.count('caller 9999')).toBeGreaterThan(0);
});
