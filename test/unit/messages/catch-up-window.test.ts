import { describe, expect, it } from 'vitest';
import { isHeldAfterRun, pauseAfterRunMs, readBackWindow } from '../../../src/messages/catch-up-window.ts';

const HOUR = 3_600_000;
const NOW = 10_000 * HOUR;
const ago = (hours: number) => NOW - hours * HOUR;
const LINKED = ago(1_000);

/** A window for an account that was linked long ago. */
const windowOf = (
  lastMessageAt: number,
  caughtUpTo: number | null,
  watermark?: { at: number; mark: string },
  firstLinkedAt: number | null = LINKED,
) => readBackWindow({ lastMessageAt, mark: 'now' }, { caughtUpTo, firstLinkedAt }, watermark, NOW);

describe('how far a chat is read back', () => {
  it.each<[string, Parameters<typeof windowOf>, object | undefined]>([
    ['the last two days at the first link', [ago(1), null, undefined, NOW], { floor: ago(48), atLeast: 0 }],
    [
      'two days before the first link where nothing is known',
      [ago(900), null],
      { floor: ago(1_048), atLeast: 0 },
    ],
    ['not at all if it was silent before', [ago(1_049), null], undefined],
    ['two days or 200 messages if nothing is new', [ago(30), ago(5)], { floor: ago(48), atLeast: 200 }],
    ['as far if something is new', [ago(1), ago(5)], { floor: ago(48), atLeast: 200 }],
    ['to the watermark if that is older', [ago(80), ago(100)], { floor: ago(101), atLeast: 200 }],
    [
      'to its own watermark',
      [ago(1), ago(100), { at: ago(60), mark: 'now' }],
      { floor: ago(61), atLeast: 200 },
    ],
    ['to the account if that is later', [ago(1), ago(60), { at: ago(100), mark: 'now' }], { floor: ago(61) }],
    [
      'not at all if it is silent and looks as it did',
      [ago(60), ago(5), { at: ago(50), mark: 'now' }],
      undefined,
    ],
    [
      'if it is silent and looks otherwise',
      [ago(60), ago(5), { at: ago(50), mark: 'then' }],
      { atLeast: 200 },
    ],
    ['as far if when it had its last message is not known', [0, ago(5)], { floor: ago(48), atLeast: 200 }],
    ['two days at the first link if that is not known', [0, null, undefined, NOW], { floor: ago(48) }],
    ['if that is not known, though it looks as it did', [0, ago(5), { at: ago(50), mark: 'now' }], {}],
    ['not at all if it is silent and how it looked is not known', [ago(60), ago(5)], undefined],
    [
      'as if nothing were known by a clock that was set back',
      [ago(1), NOW + 1, undefined, NOW],
      { floor: ago(48) },
    ],
    [
      'to what is known where a clock that was set back dated the link',
      [ago(1), ago(120), undefined, NOW + 24 * HOUR],
      { floor: ago(121), atLeast: 200, bottom: ago(168) },
    ],
    [
      'two days where such a clock dated the link and nothing is known',
      [ago(1), null, undefined, NOW + 24 * HOUR],
      { floor: ago(48), atLeast: 0 },
    ],
    [
      'no further than two days where that clock is ahead by little and what is known is new',
      [ago(1), ago(0), undefined, NOW + 1],
      { floor: ago(48), bottom: ago(48) },
    ],
  ])('%s', (_, given, expected) => {
    const window = windowOf(...given);
    if (expected === undefined) expect(window).toBeUndefined();
    else expect(window).toMatchObject(expected);
  });

  it('never goes beyond two days before the link', () => {
    expect(windowOf(ago(1), ago(5), undefined, ago(20))).toEqual({
      floor: ago(48),
      atLeast: 200,
      bottom: ago(68),
    });
    expect(windowOf(ago(1), ago(5_000), undefined, ago(20))).toEqual({
      floor: ago(68),
      atLeast: 200,
      bottom: ago(68),
    });
    expect(windowOf(ago(80), ago(5_000), undefined, ago(20))).toBeUndefined();
  });
});

describe('the pause after a run', () => {
  it('is ten minutes when all was read, else grows from half a minute to that', () => {
    expect([0, 1, 2, 3, 6, 99].map(pauseAfterRunMs)).toEqual([
      600_000, 30_000, 60_000, 120_000, 600_000, 600_000,
    ]);
  });
});

describe('what is told live after a run', () => {
  it.each([
    ['passes if all was read', { incomplete: 0 }, false],
    ['passes if not all could be read', { incomplete: 1 }, false],
    ['waits if the page is read again at once', { incomplete: 0, isReadAgain: true }, true],
    ['waits for that also if not all could be read', { incomplete: 2, isReadAgain: true }, true],
    ['passes if that was so three times in a row', { incomplete: 3, isReadAgain: true }, false],
    ['waits while the database is away', { incomplete: 9, isAway: true }, true],
  ])('%s', (_, given, expected) => {
    expect(isHeldAfterRun({ isReadAgain: false, isAway: false, ...given })).toBe(expected);
  });
});
