import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeCampaignId } from '../../../src/accounts/ids.ts';
import {
  type FeedView,
  LOOK_AGAIN_MS,
  MAX_UNHANDED,
  nextFeedStep,
} from '../../../src/messages/campaign-rule.ts';

const ID = makeCampaignId();
const NOW = 1_000_000;
const VIEW: FeedView = { campaignId: ID, unhanded: 0, fullUntil: null, now: NOW };

describe('what a campaign does next', () => {
  it.each<[string, Partial<FeedView>, unknown]>([
    [
      'rests without one that runs',
      { campaignId: null },
      { kind: 'rest', ms: LOOK_AGAIN_MS, isWaiting: false },
    ],
    ['feeds as many as may wait', {}, { kind: 'feed', campaignId: ID, count: MAX_UNHANDED }],
    ['feeds the rest of them', { unhanded: MAX_UNHANDED - 1 }, { kind: 'feed', campaignId: ID, count: 1 }],
    [
      'waits for a hand-over',
      { unhanded: MAX_UNHANDED },
      { kind: 'rest', ms: LOOK_AGAIN_MS, isWaiting: true },
    ],
    ['waits for the next day', { fullUntil: NOW + 5 }, { kind: 'rest', ms: 5, isWaiting: true }],
    [
      'looks again before a day that is far',
      { fullUntil: NOW + 86_400_000 },
      { kind: 'rest', ms: LOOK_AGAIN_MS, isWaiting: true },
    ],
    ['feeds on the next day', { fullUntil: NOW }, { kind: 'feed', campaignId: ID, count: MAX_UNHANDED }],
  ])('%s', (_what, given, step) => {
    expect(nextFeedStep({ ...VIEW, ...given })).toEqual(step);
  });

  it('brings every item out in the end, with never more than a few unhanded and never more a day than fit', () => {
    const day = fc.record({ limit: fc.integer({ min: 1, max: 20 }) });
    const event = fc.oneof(
      fc.record({ kind: fc.constant('hand' as const), count: fc.integer({ min: 1, max: 6 }) }),
      fc.constant({ kind: 'pause' as const }),
      fc.constant({ kind: 'resume' as const }),
      fc.constant({ kind: 'tomorrow' as const }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), day, fc.array(event), (total, { limit }, events) => {
        let waiting = total;
        let unhanded = 0;
        let left = limit;
        let isPaused = false;
        let now = 0;
        const look = () => {
          // Each look either accepts something or rests: it ends.
          for (let looks = 0; ; looks += 1) {
            expect(looks).toBeLessThanOrEqual(MAX_UNHANDED + 1);
            const campaignId = isPaused || waiting === 0 ? null : ID;
            const step = nextFeedStep({ campaignId, unhanded, fullUntil: left === 0 ? now + 1 : null, now });
            if (step.kind === 'rest') return expect(step.ms).toBeGreaterThan(0);
            expect(isPaused).toBe(false);
            const fed = Math.min(step.count, waiting, left);
            expect(fed).toBeGreaterThan(0);
            waiting -= fed;
            unhanded += fed;
            left -= fed;
            expect(unhanded).toBeLessThanOrEqual(MAX_UNHANDED);
            expect(left).toBeGreaterThanOrEqual(0);
          }
        };
        const tomorrow = () => {
          now += 1;
          left = limit;
        };
        for (const each of events) {
          if (each.kind === 'hand') unhanded -= Math.min(unhanded, each.count);
          if (each.kind === 'pause') isPaused = true;
          if (each.kind === 'resume') isPaused = false;
          if (each.kind === 'tomorrow') tomorrow();
          look();
        }
        isPaused = false;
        for (let days = 0; waiting > 0; days += 1) {
          expect(days).toBeLessThanOrEqual(total);
          tomorrow();
          for (let turns = 0; turns <= limit; turns += 1) {
            look();
            unhanded = 0;
          }
        }
        return waiting === 0;
      }),
    );
  });
});
