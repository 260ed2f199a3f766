import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/lib/errors.ts';
import {
  absenceToStep,
  checkDelayMs,
  findRefusal,
  holdMs,
  MAX_HANDOVERS,
  mayOpen,
  mayPass,
  pauseDelayMs,
  watchDelayMs,
} from '../../../src/messages/send-outcome.ts';

describe('findRefusal', () => {
  it.each([
    'NOT_ON_WHATSAPP',
    'SEND_REFUSED',
    'MEDIA_UNAVAILABLE',
    'UNSUPPORTED_MEDIA',
    'TOO_LARGE',
  ] as const)('takes %s for a refusal', (code) => {
    expect(findRefusal(new AppError(code, { message: 'why' }))).toEqual({ code, reason: 'why' });
  });

  it.each(['SEND_OUTCOME_UNKNOWN', 'SESSION_FAULT', 'SESSION_DEADLINE', 'UNAVAILABLE'] as const)(
    'leaves the outcome open at %s',
    (code) => {
      expect(findRefusal(new AppError(code))).toBeUndefined();
    },
  );

  it('leaves the outcome open at an error that nobody named', () => {
    expect(findRefusal(new TypeError('of the page'))).toBeUndefined();
  });
});

describe('mayOpen', () => {
  it.each([
    { code: 'SEND_REFUSED', tries: 9, ms: 7_200_000, opens: true },
    { code: 'SEND_REFUSED', tries: 70, ms: 3_599_999, opens: true },
    { code: 'SEND_REFUSED', tries: 10, ms: 3_600_000, opens: false },
    { code: 'NOT_ON_WHATSAPP', tries: 1, ms: 0, opens: false },
  ])('answers $opens at $code after $tries tries in $ms ms', ({ code, tries, ms, opens }) => {
    expect(mayOpen({ code, reason: '' }, tries, ms)).toBe(opens);
  });
});

describe('mayPass', () => {
  it.each([
    { code: 'SEND_REFUSED', handovers: 1, passes: true },
    { code: 'SEND_REFUSED', handovers: MAX_HANDOVERS - 1, passes: true },
    { code: 'SEND_REFUSED', handovers: MAX_HANDOVERS, passes: false },
    { code: 'NOT_ON_WHATSAPP', handovers: 1, passes: false },
    { code: 'TOO_LARGE', handovers: 1, passes: false },
  ])('answers $passes at $code after $handovers hand-overs', ({ code, handovers, passes }) => {
    expect(mayPass({ code, reason: '' }, handovers)).toBe(passes);
  });
});

describe('absenceToStep', () => {
  const MAX = MAX_HANDOVERS;
  it.each([
    { givenHere: false, isRepeatable: true, handovers: 0, step: 'hand-over' },
    { givenHere: false, isRepeatable: true, handovers: MAX - 1, step: 'hand-over' },
    { givenHere: false, isRepeatable: true, handovers: MAX, step: 'give-up' },
    { givenHere: true, isRepeatable: true, handovers: 1, step: 'look-again' },
    { givenHere: true, isRepeatable: true, handovers: MAX, step: 'look-again' },
    { givenHere: false, isRepeatable: false, handovers: 0, step: 'look-again' },
    { givenHere: false, isRepeatable: false, handovers: MAX, step: 'look-again' },
  ])('answers $step: given here $givenHere, repeatable $isRepeatable, handed $handovers times', (view) => {
    expect(absenceToStep(view)).toBe(view.step);
  });
});

describe('holdMs', () => {
  it.each([
    { title: 'a minute from the start', since: 5_000, now: 5_000, left: 60_000 },
    { title: 'what is left a while later', since: 5_000, now: 45_000, left: 20_000 },
    { title: 'nothing after a minute', since: 5_000, now: 65_000, left: 0 },
    { title: 'nothing after a day', since: 5_000, now: 86_400_000, left: 0 },
    { title: 'a minute if the clock was set back', since: 86_400_000, now: 5_000, left: 60_000 },
  ])('is $title', ({ since, now, left }) => {
    expect(holdMs(since, now)).toBe(left);
  });
});

describe('the pauses between looks', () => {
  it('grow to half an hour while nothing is known', () => {
    const delays = Array.from({ length: 13 }, (_, index) => checkDelayMs(index + 1) / 1_000);
    expect(delays).toEqual([1, 2, 4, 8, 16, 30, 60, 120, 240, 480, 960, 1_800, 1_800]);
  });

  it('grow from a minute to half an hour while the page holds the message', () => {
    const delays = Array.from({ length: 7 }, (_, index) => watchDelayMs(index + 1) / 60_000);
    expect(delays).toEqual([1, 2, 4, 8, 16, 30, 30]);
  });

  it('grow to a minute while a recipient cannot be resolved', () => {
    const delays = Array.from({ length: 9 }, (_, index) => pauseDelayMs(index + 1) / 1_000);
    expect(delays).toEqual([1, 2, 4, 8, 16, 30, 60, 60, 60]);
  });
});
