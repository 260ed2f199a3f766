import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/lib/errors.ts';
import {
  absenceToStep,
  checkDelayMs,
  findRefusal,
  MAX_HANDOVERS,
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

describe('absenceToStep', () => {
  it.each([
    { freshPage: true, absentForMs: 0, handovers: 0, step: 'hand-over' },
    { freshPage: true, absentForMs: 0, handovers: MAX_HANDOVERS - 1, step: 'hand-over' },
    { freshPage: true, absentForMs: 0, handovers: MAX_HANDOVERS, step: 'give-up' },
    { freshPage: false, absentForMs: 0, handovers: 1, step: 'wait' },
    { freshPage: false, absentForMs: 59_999, handovers: MAX_HANDOVERS, step: 'wait' },
    { freshPage: false, absentForMs: 60_000, handovers: 1, step: 'hand-over' },
    { freshPage: false, absentForMs: 60_000, handovers: MAX_HANDOVERS, step: 'give-up' },
  ])('answers $step: fresh page $freshPage, absent $absentForMs ms, handed $handovers times', (view) => {
    expect(absenceToStep(view)).toBe(view.step);
  });
});

describe('the pauses between looks', () => {
  it('grow to a minute while nothing is known', () => {
    const delays = Array.from({ length: 8 }, (_, index) => checkDelayMs(index + 1) / 1_000);
    expect(delays).toEqual([1, 2, 4, 8, 16, 30, 60, 60]);
  });

  it('grow from a minute to half an hour while the page holds the message', () => {
    const delays = Array.from({ length: 7 }, (_, index) => watchDelayMs(index + 1) / 60_000);
    expect(delays).toEqual([1, 2, 4, 8, 16, 30, 30]);
  });
});
