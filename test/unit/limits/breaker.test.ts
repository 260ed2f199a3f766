import { describe, expect, it } from 'vitest';
import {
  type Breaker,
  type BreakerCause,
  type BreakerFacts,
  breakerStep,
  COOL_DOWN_MS,
} from '../../../src/limits/breaker.ts';

const NOW = Date.UTC(2026, 2, 1);
const FINE: BreakerFacts = { refused: 0, locked: 0, taken: 100, delivered: 100, trial: 'none' };
const CLOSED: Breaker = { state: 'closed', openedAt: null, openedBy: null };
const opened = (openedAt: number): Breaker => ({ state: 'open', openedAt, openedBy: 'refused' });

describe('a closed breaker', () => {
  it.each<[string, Partial<BreakerFacts>, BreakerCause | null]>([
    ['all is well', {}, null],
    ['two refusals', { refused: 2 }, null],
    ['three refusals', { refused: 3 }, 'refused'],
    ["one that met WhatsApp's lock", { refused: 1, locked: 1 }, 'locked'],
    ['half of what was taken arriving', { taken: 20, delivered: 10 }, null],
    ['less than half arriving', { taken: 20, delivered: 9 }, 'undelivered'],
    ['nothing arriving of too few to tell', { taken: 19, delivered: 0 }, null],
  ])('with %s opens by %3$s', (_what, facts, cause) => {
    const step = breakerStep(CLOSED, { ...FINE, ...facts }, NOW);
    expect(step).toEqual(
      cause === null
        ? { breaker: CLOSED, restUntil: null }
        : {
            breaker: { state: 'open', openedAt: NOW, openedBy: cause },
            restUntil: NOW + COOL_DOWN_MS,
          },
    );
  });
});

describe('an open breaker', () => {
  it('that opened before the clock was set back rests as if it had opened now', () => {
    const restUntil = NOW + COOL_DOWN_MS;
    const step = breakerStep(opened(NOW + 40 * COOL_DOWN_MS), FINE, NOW);
    expect(step).toEqual({ breaker: opened(NOW), restUntil });
    expect(breakerStep(step.breaker, FINE, NOW + 1)).toEqual({ breaker: opened(NOW), restUntil });
  });

  it('rests until it has cooled down, whatever happens', () => {
    const breaker = opened(NOW);
    const step = breakerStep(breaker, { ...FINE, trial: 'taken' }, NOW + COOL_DOWN_MS - 1);
    expect(step).toEqual({ breaker, restUntil: NOW + COOL_DOWN_MS });
  });

  it.each<[BreakerFacts['trial'], Breaker['state'], number | null]>([
    ['none', 'open', null],
    ['waits', 'open', NOW + 60_000],
    ['refused', 'open', NOW + COOL_DOWN_MS],
    ['taken', 'closed', null],
  ])('that has cooled down, its try being %s, is %s', (trial, state, restUntil) => {
    const openedAt = NOW - COOL_DOWN_MS;
    const step = breakerStep(opened(openedAt), { ...FINE, trial }, NOW);
    expect([step.breaker.state, step.restUntil]).toEqual([state, restUntil]);
    expect(step.breaker.openedAt).toBe(trial === 'refused' ? NOW : openedAt);
  });
});
