import { describe, expect, it } from 'vitest';
import { findRetryAfter } from '../../../src/http/error-answer.ts';
import { fullDayToError, roomOf, secondsToNextDay } from '../../../src/limits/daily-limit.ts';

const NEXT_AT = new Date('2026-03-02T00:00:00.000Z');

describe('roomOf', () => {
  it.each([
    { allowed: 10, taken: 0, room: 10 },
    { allowed: 10, taken: 9, room: 1 },
    { allowed: 10, taken: 10, room: 0 },
    { allowed: 3, taken: 10, room: 0 },
  ])('of $allowed with $taken taken is $room', ({ allowed, taken, room }) => {
    expect(roomOf({ allowed, taken })).toBe(room);
  });
});

describe('secondsToNextDay', () => {
  it.each([
    { at: '2026-03-01T00:00:00.000Z', seconds: 86_400 },
    { at: '2026-03-01T23:59:58.001Z', seconds: 2 },
    { at: '2026-03-01T23:59:59.999Z', seconds: 1 },
    { at: '2026-03-02T00:00:00.000Z', seconds: 1 },
  ])('at $at is $seconds, so that the new day has begun after it', ({ at, seconds }) => {
    expect(secondsToNextDay({ nextAt: NEXT_AT }, new Date(at))).toBe(seconds);
  });
});

describe('fullDayToError', () => {
  it('tells the limit, the next day and, as Retry-After, the seconds until then', () => {
    const at = new Date('2026-03-01T23:00:00.000Z');
    const error = fullDayToError({ dailyLimit: 5, nextAt: NEXT_AT }, at);
    expect(error).toMatchObject({
      code: 'DAILY_LIMIT_EXCEEDED',
      status: 429,
      details: { dailyLimit: 5, nextAt: NEXT_AT.toISOString(), retryAfterSeconds: 3_600 },
    });
    expect(findRetryAfter(error)).toBe(3_600);
  });
});
