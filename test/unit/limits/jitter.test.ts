import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeMessageId } from '../../../src/accounts/ids.ts';
import { jitterMs } from '../../../src/limits/jitter.ts';
import type { Lane } from '../../../src/limits/lane.ts';

const id = (end: string) => `00000000-0000-7000-8000-0000${end}`;

describe('jitterMs', () => {
  it.each<[Lane, string, number]>([
    ['reply', '00000000', 1_000],
    ['reply', 'ffffffff', 3_999],
    ['known', '80000000', 9_500],
    ['stranger', '00000000', 15_000],
    ['stranger', 'ffffffff', 59_999],
  ])('in the lane %s of an id that ends in %s is %i', (lane, end, ms) => {
    expect(jitterMs(lane, id(end))).toBe(ms);
  });

  it('is the same for the same message and spreads over different ones', () => {
    fc.assert(
      fc.property(fc.nat(), (at) => {
        const message = makeMessageId(at);
        expect(jitterMs('stranger', message)).toBe(jitterMs('stranger', message));
      }),
    );
    const pauses = Array.from({ length: 50 }, (_, at) => jitterMs('stranger', makeMessageId(at)));
    expect(new Set(pauses).size).toBeGreaterThan(25);
  });
});
