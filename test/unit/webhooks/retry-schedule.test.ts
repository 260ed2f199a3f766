import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextTryAt, TRIED_FOR_MS } from '../../../src/webhooks/retry-schedule.ts';

const MIDDLE = 0.5;

/** When an event is tried that is never taken, in milliseconds since its first try; each try takes no time. */
function triesOf(random: () => number): number[] {
  const tries = [0];
  for (;;) {
    const now = tries.at(-1) ?? 0;
    const next = nextTryAt({ attempts: tries.length, firstTriedAt: 0, now }, random());
    if (next === null) return tries;
    tries.push(next);
  }
}

describe('the schedule', () => {
  it('begins with 5 s, 30 s, 2 min, 10 min, 30 min, 1 h and goes on every 2 h', () => {
    const tries = triesOf(() => MIDDLE);
    const pauses = tries.slice(1, 9).map((at, nth) => (at - (tries[nth] ?? 0)) / 1_000);
    expect(pauses).toEqual([5, 30, 120, 600, 1_800, 3_600, 7_200, 7_200]);
  });

  it('ends with a last try once 24 hours have passed', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (random) => {
        const tries = triesOf(() => random);
        expect(tries.at(-1)).toBe(TRIED_FOR_MS);
        expect(tries.length).toBeGreaterThan(15);
        expect(tries.length).toBeLessThan(30);
      }),
    );
  });

  it('never names an instant that has passed, however late a try was made', () => {
    const late = fc.integer({ min: 0, max: 10 * TRIED_FOR_MS });
    fc.assert(
      fc.property(late, fc.integer({ min: 1, max: 1_000 }), (now, attempts) => {
        const next = nextTryAt({ attempts, firstTriedAt: 0, now }, MIDDLE);
        if (now >= TRIED_FOR_MS) expect(next).toBeNull();
        else {
          expect(next).toBeGreaterThan(now);
          expect(next).toBeLessThanOrEqual(TRIED_FOR_MS);
        }
      }),
    );
  });
});
