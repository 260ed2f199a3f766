import { describe, expect, it } from 'vitest';
import { type FetchOutcome, type NextTry, nextTry } from '../../../src/messages/media-retry.ts';

describe('after a try to fetch media that failed', () => {
  it.each<[FetchOutcome, number, NextTry]>([
    ['later', 0, { kind: 'try', afterMs: 30_000, tries: 1 }],
    ['later', 1, { kind: 'try', afterMs: 300_000, tries: 2 }],
    ['later', 2, { kind: 'give-up', afterMs: 0 }],
    ['fault', 0, { kind: 'try', afterMs: 30_000, tries: 1 }],
    ['fault', 2, { kind: 'give-up', afterMs: 5_000 }],
    ['unstored', 0, { kind: 'try', afterMs: 300_000, tries: 0 }],
    ['unstored', 2, { kind: 'try', afterMs: 300_000, tries: 2 }],
  ])('(%s, %d before) comes the next step', (outcome, tries, expected) => {
    expect(nextTry(outcome, tries)).toEqual(expected);
  });
});
