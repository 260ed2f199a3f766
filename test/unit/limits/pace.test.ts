import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COOL_DOWN_MS } from '../../../src/limits/breaker.ts';
import { LANES, type Lane } from '../../../src/limits/lane.ts';
import {
  chooseCandidate,
  isPaced,
  NO_PACING,
  type Pace,
  type PaceRecord,
  paceDelayMs,
  recordToPace,
} from '../../../src/limits/pace.ts';

const NOW = Date.UTC(2026, 2, 1, 12);
const HOUR_MS = 3_600_000;
/** The pause of this id is the shortest of each lane. */
const ID = '00000000-0000-7000-8000-000000000000';
const FREE: Pace = { now: NOW, strangersRestUntil: null, warmUp: null, lastHandedAt: null };
const USED_UP = { handedToday: 20, limit: 20, nextDayAt: NOW + 12 * HOUR_MS };

describe('paceDelayMs', () => {
  it.each<[string, Partial<Pace>, Record<Lane, number>]>([
    ['nothing is switched on', {}, { reply: 0, known: 0, stranger: 0 }],
    ['strangers rest', { strangersRestUntil: NOW + 5 }, { reply: 0, known: 0, stranger: 5 }],
    ['their rest is over', { strangersRestUntil: NOW - 5 }, { reply: 0, known: 0, stranger: 0 }],
    [
      'the warm-up of the day is used up',
      { warmUp: USED_UP },
      { reply: 0, known: 12 * HOUR_MS, stranger: 12 * HOUR_MS },
    ],
    [
      'the warm-up has room',
      { warmUp: { ...USED_UP, handedToday: 19 } },
      { reply: 0, known: 0, stranger: 0 },
    ],
    [
      'each lane was used this moment',
      { lastHandedAt: { reply: NOW, known: NOW, stranger: NOW } },
      { reply: 1_000, known: 4_000, stranger: 15_000 },
    ],
    [
      'lanes were used a while ago, or never',
      { lastHandedAt: { reply: null, known: NOW - 60_000, stranger: NOW - 5_000 } },
      { reply: 0, known: 0, stranger: 10_000 },
    ],
    [
      'lanes were used a little ahead of now',
      { lastHandedAt: { reply: NOW + 1, known: NOW + 60_000, stranger: null } },
      { reply: 1_000, known: 4_000, stranger: 0 },
    ],
    [
      'the clock was set back',
      { lastHandedAt: { reply: NOW + HOUR_MS, known: NOW + 60_001, stranger: null } },
      { reply: 0, known: 0, stranger: 0 },
    ],
  ])('when %s', (_what, given, delays) => {
    const pace = { ...FREE, ...given };
    const found = LANES.map((lane) => [lane, paceDelayMs({ id: ID, lane }, pace)]);
    expect(Object.fromEntries(found)).toEqual(delays);
  });
});

describe('chooseCandidate', () => {
  const all = LANES.map((lane) => ({ id: ID, lane }));

  it('prefers answers, whatever the order in which the lanes come', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: 1 }), (candidates) => {
        const choice = chooseCandidate(candidates, FREE);
        const lanes = candidates.map(({ lane }) => lane);
        expect(choice).toMatchObject({
          kind: 'send',
          message: { lane: LANES.find((lane) => lanes.includes(lane)) },
        });
      }),
    );
  });

  it('takes the next lane while one waits, and tells how long all of them do', () => {
    const lastHandedAt = { reply: NOW, known: NOW, stranger: null };
    expect(chooseCandidate(all, { ...FREE, lastHandedAt })).toMatchObject({ message: { lane: 'stranger' } });
    const pace = { ...FREE, lastHandedAt, strangersRestUntil: NOW + HOUR_MS };
    expect(chooseCandidate(all, pace)).toEqual({ kind: 'wait', delayMs: 1_000 });
  });
});

describe('recordToPace', () => {
  const record: PaceRecord = {
    firstLinkedAt: NOW - 30 * HOUR_MS,
    nextDayAt: NOW + 12 * HOUR_MS,
    breaker: { state: 'closed', openedAt: null, openedBy: null },
    breakerFacts: { refused: 3, locked: 0, taken: 0, delivered: 0, trial: 'none' },
    coldToday: 7,
    lastHandedAt: { reply: null, known: NOW, stranger: null },
  };
  const now = { cappedUntil: null, now: NOW };

  it('leaves out what is switched off', () => {
    expect(isPaced(NO_PACING)).toBe(false);
    expect(recordToPace(record, NO_PACING, now)).toEqual({ pace: FREE, breaker: record.breaker });
  });

  it.each<[string, Partial<typeof NO_PACING>, Partial<Pace>]>([
    ['warm-up', { warmup: true }, { warmUp: { handedToday: 7, limit: 28, nextDayAt: record.nextDayAt } }],
    ['jitter', { jitter: true }, { lastHandedAt: record.lastHandedAt }],
    ['breaker', { breaker: true }, { strangersRestUntil: NOW + COOL_DOWN_MS }],
  ])('adds the %s where it is switched on', (_what, switches, added) => {
    const given = { ...NO_PACING, ...switches };
    expect(isPaced(given)).toBe(true);
    expect(recordToPace(record, given, now).pace).toEqual({ ...FREE, ...added });
  });

  it('lets strangers rest for the longer of capping and breaker', () => {
    const cappedUntil = NOW + 2 * COOL_DOWN_MS;
    const given = { ...NO_PACING, breaker: true };
    expect(recordToPace(record, given, { ...now, cappedUntil }).pace.strangersRestUntil).toBe(cappedUntil);
    expect(recordToPace(record, NO_PACING, { ...now, cappedUntil }).pace.strangersRestUntil).toBe(
      cappedUntil,
    );
  });
});
