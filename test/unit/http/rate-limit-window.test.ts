import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RateLimitWindow } from '../../../src/http/rate-limit-window.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const WINDOW = 60;

function open(limit: number) {
  const clock = new ManualClock();
  const window = new RateLimitWindow(clock);
  const call = (caller = 'a') => window.count([{ caller, limit }], WINDOW);
  return { clock, window, call };
}

it('allows so many calls a window and caller', () => {
  const { clock, call } = open(2);
  expect([call(), call(), call()].map(({ allowed }) => allowed)).toEqual([true, true, false]);
  expect(call('b').allowed).toBe(true);
  clock.advance(59_000);
  expect(call()).toEqual({ allowed: false, standings: [{ remaining: 0, waitSeconds: 1 }] });
  clock.advance(1_000);
  expect(call().allowed).toBe(true);
});

it('tells what remains, and when the oldest calls leave the window', () => {
  const { clock, call } = open(3);
  expect(call().standings).toEqual([{ remaining: 2, waitSeconds: 60 }]);
  clock.advance(20_000);
  expect(call().standings).toEqual([{ remaining: 1, waitSeconds: 40 }]);
  clock.advance(40_000);
  expect(call().standings).toEqual([{ remaining: 1, waitSeconds: 20 }]);
});

it('counts a call against all of its quotas, or against none', () => {
  const { window, call } = open(2);
  const both = () =>
    window.count(
      [
        { caller: 'a', limit: 2 },
        { caller: 'narrow', limit: 1 },
      ],
      WINDOW,
    );
  expect(both().allowed).toBe(true);
  expect(both()).toMatchObject({ allowed: false, standings: [{ remaining: 1 }, { remaining: 0 }] });
  expect(call()).toMatchObject({ allowed: true, standings: [{ remaining: 0 }] });
});

it('allows no more than the limit in any 59 seconds, and has room again after 60 without a call', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 9_000 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 10 }), (pauses, limit) => {
      const { clock, call } = open(limit);
      const allowedAt: number[] = [];
      for (const pause of pauses) {
        clock.advance(pause);
        if (call().allowed) allowedAt.push(clock.now());
      }
      for (const [index, at] of allowedAt.entries()) {
        expect(at - (allowedAt[index - limit] ?? Number.NEGATIVE_INFINITY)).toBeGreaterThan(59_000);
      }
      clock.advance(60_000);
      expect(call().standings).toEqual([{ remaining: limit - 1, waitSeconds: 60 }]);
    }),
  );
});

it('remembers a bounded number of callers', () => {
  const { call } = open(1);
  call('first');
  for (let count = 0; count < 10_000; count += 1) call(`caller ${count}`);
  expect(call('first').allowed).toBe(true);
  expect(call('caller 9999').allowed).toBe(false);
});
