import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterTry,
  type EndpointHealth,
  FAILURES_TO_GIVE_UP,
  FAILURES_TO_REST,
  GIVEN_UP_AFTER_MS,
  HEALTHY,
  isGivenUp,
  lanesOpen,
} from '../../../src/webhooks/endpoint-breaker.ts';

const FAILED = { isTaken: false, isProbe: false };
const PROBE_FAILED = { isTaken: false, isProbe: true };
const TAKEN = { isTaken: true, isProbe: false };

function failing(times: number): EndpointHealth {
  let health = HEALTHY;
  for (let nth = 0; nth < times; nth += 1) health = afterTry(health, FAILED, 1_000);
  return health;
}

describe('an endpoint', () => {
  it('is sent all that is due until five tries in a row have failed', () => {
    expect(lanesOpen(failing(FAILURES_TO_REST - 1), 1_000, 8)).toBe(8);
    const resting = failing(FAILURES_TO_REST);
    expect(lanesOpen(resting, 1_000, 8)).toBe(0);
    expect(lanesOpen(resting, 11_000, 8)).toBe(1);
  });

  it('rests longer after each probe that fails, five minutes at most', () => {
    let health = failing(FAILURES_TO_REST);
    const pauses: number[] = [];
    for (let now = 11_000; pauses.length < 8; now = health.restsUntil ?? now) {
      health = afterTry(health, PROBE_FAILED, now);
      pauses.push(((health.restsUntil ?? 0) - now) / 1_000);
    }
    expect(pauses).toEqual([20, 40, 80, 160, 300, 300, 300, 300]);
  });

  it('does not rest longer for what was under way when it began to rest', () => {
    const resting = failing(FAILURES_TO_REST);
    expect(failing(FAILURES_TO_REST + 7)).toEqual(resting);
  });

  it('is well once anything is taken', () => {
    expect(afterTry(failing(50), TAKEN, 5_000)).toEqual(HEALTHY);
  });

  it('is given up only after five days of nothing but many failures', () => {
    const steps = fc.array(
      fc.record({ ms: fc.integer({ min: 0, max: 86_400_000 }), isTaken: fc.boolean() }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, (each) => {
        let health = HEALTHY;
        let now = 0;
        let since: number | null = null;
        let count = 0;
        for (const { ms, isTaken } of each) {
          now += ms;
          health = afterTry(health, { isTaken, isProbe: true }, now);
          since = isTaken ? null : (since ?? now);
          count = isTaken ? 0 : count + 1;
          const isOver = since !== null && now - since >= GIVEN_UP_AFTER_MS && count >= FAILURES_TO_GIVE_UP;
          expect(isGivenUp(health, now)).toBe(isOver);
        }
      }),
    );
  });
});
