import { describe, expect, it } from 'vitest';
import { type Capping, cappingToRest, UNTOLD_REST_MS } from '../../../src/limits/capping.ts';

const NOW = 1_000_000;
const FREE: Capping = { status: 'NONE', cycleEndsAt: null, timelockedUntil: null };

describe('cappingToRest', () => {
  it.each<[string, Partial<Capping>, number | null]>([
    ['nothing', {}, null],
    ['a first warning', { status: 'FIRST_WARNING', cycleEndsAt: NOW + 5 }, null],
    ['a second warning', { status: 'SECOND_WARNING', cycleEndsAt: NOW + 5 }, null],
    ['an allowance that is used up', { status: 'CAPPED', cycleEndsAt: NOW + 5 }, NOW + 5],
    ['an allowance that is used up for ever', { status: 'CAPPED' }, NOW + UNTOLD_REST_MS],
    ['one of a cycle that is over', { status: 'CAPPED', cycleEndsAt: NOW }, null],
    ['a lock', { timelockedUntil: NOW + 9 }, NOW + 9],
    ['a lock that is over', { timelockedUntil: NOW - 1 }, null],
    ['both', { status: 'CAPPED', cycleEndsAt: NOW + 5, timelockedUntil: NOW + 9 }, NOW + 9],
  ])('by %s rests until %3$s', (_what, told, until) => {
    expect(cappingToRest({ ...FREE, ...told }, NOW)).toBe(until);
  });
});
