import { expect, it } from 'vitest';
import { nextAttempt } from '../../../../src/channels/whatsapp-web/session.ts';

const STABLE_AFTER_MS = 300_000;

it.each([
  ['never connected: one more', 0, null, 1],
  ['never connected again: one more', 4, null, 5],
  ['fell soon after connecting: the same step', 3, STABLE_AFTER_MS - 1, 3],
  ['fell soon after the first connection', 0, 10, 1],
  ['fell after a stable connection: from the start', 5, STABLE_AFTER_MS, 1],
])('the next attempt of a session that %s', (_title, attempt, connectedMs, expected) => {
  expect(nextAttempt(attempt, connectedMs, STABLE_AFTER_MS)).toBe(expected);
});
