import { expect, it } from 'vitest';
import { accountToHealth, usagePercentage, usageToLevel } from '../../../src/accounts/health.ts';
import type { HealthStatus, SessionState } from '../../../src/accounts/state.ts';

it.each<[number, SessionState, number, HealthStatus]>([
  [0, 'connected', 0, 'Healthy'],
  [699, 'connected', 0, 'Healthy'],
  [700, 'connected', 0, 'Warning'],
  [900, 'connected', 0, 'Warning'],
  [901, 'connected', 0, 'Critical'],
  [0, 'registered', 0, 'Healthy'],
  [0, 'disconnected', 0, 'Healthy'],
  [0, 'needs_human', 0, 'Critical'],
  [0, 'reconnecting', 4, 'Healthy'],
  [0, 'reconnecting', 5, 'Critical'],
  [800, 'reconnecting', 1, 'Warning'],
])('of %i sent of 1000 while %s after %i failures is %s', (sentToday, state, failures, health) => {
  expect(accountToHealth({ state, sentToday, dailyLimit: 1_000, failures })).toBe(health);
});

it('tells the use of the daily limit in percent with two decimals', () => {
  expect(usagePercentage({ sentToday: 1, dailyLimit: 3 })).toBe(33.33);
  expect(usagePercentage({ sentToday: 3, dailyLimit: 2 })).toBe(150);
});

it.each([
  [0, 10, 0],
  [6, 10, 0],
  [7, 10, 70],
  [8, 10, 70],
  [9, 10, 90],
  [20, 10, 90],
  [699_999, 1_000_000, 0],
  [700_000, 1_000_000, 70],
])('%d of %d messages a day reach the level of %d per cent', (sentToday, dailyLimit, level) => {
  expect(usageToLevel({ sentToday, dailyLimit })).toBe(level);
});
