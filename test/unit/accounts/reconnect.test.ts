import { describe, expect, it } from 'vitest';
import {
  afterFall,
  isFlapping,
  isInTrouble,
  NO_ATTEMPT,
  pauseBeforeMs,
  type ReconnectView,
} from '../../../src/accounts/reconnect.ts';

const STABLE_AFTER_MS = 300_000;

const fallen = (view: ReconnectView, connectedMs: number | null) =>
  afterFall(view, { retry: 'backoff', connectedMs }, STABLE_AFTER_MS);

const at = (attempt: number, failures: number, shortFalls = 0): ReconnectView => ({
  attempt,
  failures,
  shortFalls,
});

it.each<[string, ReconnectView, number | null, ReconnectView]>([
  ['never connected', NO_ATTEMPT, null, at(1, 1)],
  ['never connected again', at(4, 4), null, at(5, 5)],
  ['fell soon after connecting', at(3, 2), 299_999, at(3, 0, 1)],
  ['fell soon after its first connection', NO_ATTEMPT, 10, at(1, 0, 1)],
  ['fell soon after connecting, again', at(3, 0, 1), 10, at(3, 0, 2)],
  ['has flapped, and falls soon once more', at(3, 0, 5), 10, at(3, 0, 6)],
  ['never connected after it fell soon', at(3, 0, 1), null, at(4, 1, 1)],
  ['fell after a stable connection', at(5, 4, 3), 300_000, at(1, 0)],
])('a session that %s', (_title, view, connectedMs, expected) => {
  expect(fallen(view, connectedMs)).toEqual(expected);
});

it.each<[string, ReconnectView, number, ReconnectView]>([
  ['keeps the step of one that had just come back', at(4, 0, 2), 10, at(4, 0, 2)],
  ['begins anew after a stable connection', at(4, 0, 2), STABLE_AFTER_MS, at(1, 0)],
  ['is the first attempt of one that never fell', NO_ATTEMPT, 10, at(1, 0)],
])('a recycling starts a session at once, counts for nothing and %s', (_title, before, connectedMs, view) => {
  const recycled = afterFall(before, { retry: 'at-once', connectedMs }, STABLE_AFTER_MS);
  expect(recycled).toEqual(view);
  expect(pauseBeforeMs(recycled, 'at-once')).toBe(0);
});

it('looks steadily for what is awaited, and counts no failure of it', () => {
  let view: ReconnectView = at(0, 2);
  const pauses: number[] = [];
  for (let count = 0; count < 5; count += 1) {
    view = afterFall(view, { retry: 'awaited', connectedMs: null }, STABLE_AFTER_MS);
    pauses.push(pauseBeforeMs(view, 'awaited'));
  }
  expect(pauses).toEqual([0, 1_000, 2_000, 2_000, 2_000]);
  expect(view.failures).toBe(2);
});

describe('a session that cannot be brought back', () => {
  it('is tried after 0, 1, 2, 4, 8, 16, 30, 30 seconds, and is in trouble from the fifth failure on', () => {
    let view = fallen(NO_ATTEMPT, STABLE_AFTER_MS);
    const pauses: number[] = [];
    const inTrouble: boolean[] = [];
    for (let count = 0; count < 8; count += 1) {
      pauses.push(pauseBeforeMs(view, 'backoff'));
      inTrouble.push(isInTrouble(view));
      view = fallen(view, null);
    }
    expect(pauses).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(inTrouble).toEqual([false, false, false, false, false, true, true, true]);
  });
});

describe('a session that keeps connecting and falls again', () => {
  it('keeps its step, and is never in trouble', () => {
    let view = fallen(NO_ATTEMPT, STABLE_AFTER_MS);
    const pauses: number[] = [];
    for (let count = 0; count < 13; count += 1) {
      view = fallen(view, 1_000);
      pauses.push(pauseBeforeMs(view, 'backoff'));
      expect(isInTrouble(view)).toBe(false);
    }
    expect(new Set(pauses)).toEqual(new Set([0]));
  });

  it('is flapping from the fifth fall in a row on, until a connection lasts', () => {
    let view = at(5, 4);
    const flapping: boolean[] = [];
    for (let count = 0; count < 6; count += 1) {
      view = fallen(view, 1_000);
      flapping.push(isFlapping(view));
    }
    expect(flapping).toEqual([false, false, false, false, true, true]);
    expect(isFlapping(fallen(view, null))).toBe(true);
    expect(isFlapping(fallen(view, STABLE_AFTER_MS))).toBe(false);
  });
});
