import { describe, expect, it } from 'vitest';
import {
  afterFall,
  isInTrouble,
  NO_ATTEMPT,
  pauseBeforeMs,
  type ReconnectView,
} from '../../../src/accounts/reconnect.ts';

const STABLE_AFTER_MS = 300_000;

const fallen = (view: ReconnectView, connectedMs: number | null) =>
  afterFall(view, { retry: 'backoff', connectedMs }, STABLE_AFTER_MS);

it.each<[string, ReconnectView, number | null, ReconnectView]>([
  ['never connected', NO_ATTEMPT, null, { attempt: 1, failures: 1 }],
  ['never connected again', { attempt: 4, failures: 4 }, null, { attempt: 5, failures: 5 }],
  ['fell soon after connecting', { attempt: 3, failures: 2 }, 299_999, { attempt: 3, failures: 0 }],
  ['fell soon after its first connection', NO_ATTEMPT, 10, { attempt: 1, failures: 0 }],
  ['fell after a stable connection', { attempt: 5, failures: 4 }, 300_000, { attempt: 1, failures: 0 }],
])('a session that %s', (_title, view, connectedMs, expected) => {
  expect(fallen(view, connectedMs)).toEqual(expected);
});

it('counts no failure when a session is recycled, and starts it at once', () => {
  const view = afterFall({ attempt: 4, failures: 2 }, { retry: 'at-once', connectedMs: 10 }, STABLE_AFTER_MS);
  expect(view).toEqual({ attempt: 1, failures: 2 });
  expect(pauseBeforeMs(view)).toBe(0);
});

describe('a session that cannot be brought back', () => {
  it('is tried after 0, 1, 2, 4, 8, 16, 30, 30 seconds, and is in trouble from the fifth failure on', () => {
    let view = fallen(NO_ATTEMPT, STABLE_AFTER_MS);
    const pauses: number[] = [];
    const inTrouble: boolean[] = [];
    for (let count = 0; count < 8; count += 1) {
      pauses.push(pauseBeforeMs(view));
      inTrouble.push(isInTrouble(view));
      view = fallen(view, null);
    }
    expect(pauses).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(inTrouble).toEqual([false, false, false, false, false, true, true, true]);
  });
});

it('is never in trouble while it keeps connecting, however soon it falls', () => {
  let view: ReconnectView = { attempt: 5, failures: 4 };
  for (let count = 0; count < 20; count += 1) view = fallen(view, 1_000);
  expect(view).toEqual({ attempt: 5, failures: 0 });
  expect(isInTrouble(view)).toBe(false);
});
