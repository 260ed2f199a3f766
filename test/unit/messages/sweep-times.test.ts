import { expect, it } from 'vitest';
import { SweepTimes } from '../../../src/messages/sweep-times.ts';

it('searches for everything at once, then every half minute for what nobody told it of', () => {
  const times = new SweepTimes(0);
  expect([times.dueAt, times.isWhole]).toEqual([0, true]);
  times.done(5);
  expect([times.dueAt, times.isWhole]).toEqual([30_005, false]);
});

it('searches a minute after a message that the server did not confirm', () => {
  const times = new SweepTimes(0);
  times.done(0);
  times.expectAck(10);
  expect(times.dueAt).toBe(30_000);
  times.done(50_000);
  expect(times.dueAt).toBe(60_010);
  times.done(60_010);
  expect(times.dueAt).toBe(90_010);
});

it('searches for everything again after a fault', () => {
  const times = new SweepTimes(0);
  times.done(0);
  times.restart(7);
  expect([times.dueAt, times.isWhole]).toEqual([7, true]);
});
