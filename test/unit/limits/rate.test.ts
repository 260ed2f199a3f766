import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RATE_WINDOW_MS, rateDelayMs } from '../../../src/limits/rate.ts';

const NOW = 1_800_000_000_000;
const ago = (...seconds: number[]) => seconds.map((s) => NOW - s * 1_000);

describe('rateDelayMs', () => {
  it.each([
    { title: 'lets the first message go', handedAt: [], limit: 1, delayMs: 0 },
    { title: 'lets messages go below the limit', handedAt: ago(1, 2), limit: 3, delayMs: 0 },
    {
      title: 'waits until the oldest of a full minute is over',
      handedAt: ago(5, 40),
      limit: 2,
      delayMs: 20_000,
    },
    { title: 'looks at the latest ones only', handedAt: ago(50, 5, 10), limit: 2, delayMs: 50_000 },
    { title: 'lets a message go exactly a minute after', handedAt: ago(60), limit: 1, delayMs: 0 },
    { title: 'holds a message back a millisecond before', handedAt: [NOW - 59_999], limit: 1, delayMs: 1 },
    { title: 'forgets what is older than a minute', handedAt: ago(61, 62, 63), limit: 1, delayMs: 0 },
    { title: 'knows no limit at 0', handedAt: ago(1, 1, 1, 1), limit: 0, delayMs: 0 },
    {
      title: 'counts what is a little ahead as of now: clocks differ',
      handedAt: [NOW + 60_000],
      limit: 1,
      delayMs: 60_000,
    },
    {
      title: 'does not count what is further ahead: the clock was set back',
      handedAt: [NOW + 60_001],
      limit: 1,
      delayMs: 0,
    },
  ])('$title', ({ handedAt, limit, delayMs }) => {
    expect(rateDelayMs(handedAt, NOW, limit)).toBe(delayMs);
  });

  it.each([30_000, 3_600_000, 86_400_000])(
    'holds messages back for two minutes in all after the clock was set back by %i ms',
    (stepMs) => {
      const handedAt = Array.from({ length: 20 }, (_, n) => NOW + stepMs - n * 100);
      let held = 0;
      for (let passed = 0; passed < stepMs + 600_000; passed += 1_000)
        if (rateDelayMs(handedAt, NOW + passed, 20) > 0) held += 1_000;
      expect(held).toBeGreaterThan(0);
      expect(held).toBeLessThanOrEqual(2 * RATE_WINDOW_MS);
    },
  );

  it('never lets more than the limit into any minute, and loses no time', () => {
    const arrivals = fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 60 });
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 7 }), (pauses, limit) => {
        const sent: number[] = [];
        let now = NOW;
        for (const pause of pauses) {
          now += pause;
          const delay = rateDelayMs(sent, now, limit);
          now += delay;
          expect(rateDelayMs(sent, now, limit)).toBe(0);
          if (delay > 0) expect(rateDelayMs(sent, now - 1, limit)).toBe(1);
          sent.push(now);
        }
        for (const [index, at] of sent.entries()) {
          const before = sent[index - limit];
          if (before !== undefined) expect(at - before).toBeGreaterThanOrEqual(RATE_WINDOW_MS);
        }
      }),
    );
  });
});
