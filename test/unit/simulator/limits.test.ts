import { describe, expect, it } from 'vitest';
import { SendLimits } from '../../../simulator/network/limits.ts';

const NOW = 1_000_000;

describe('limits for writing to strangers', () => {
  it('are none until they are set, and none again when they are lifted', () => {
    const limits = new SendLimits();
    expect(limits.view(NOW)).toEqual({ timelock: null, capping: null });
    limits.change({ timelock: { forMs: 1_000 }, capping: { status: 'CAPPED' } }, NOW);
    expect(limits.forbidsStrangers(NOW)).toBe(true);
    limits.change({ timelock: null }, NOW);
    expect(limits.forbidsStrangers(NOW)).toBe(true);
    limits.change({ capping: null }, NOW);
    expect(limits.forbidsStrangers(NOW)).toBe(false);
    expect(limits.nextChange()).toBeUndefined();
  });

  it.each([
    [79, 'NONE'],
    [80, 'FIRST_WARNING'],
    [95, 'SECOND_WARNING'],
    [100, 'CAPPED'],
  ])('are told at %d of 100 new chats as %s', (used, status) => {
    const limits = new SendLimits();
    limits.change({ capping: { used: used - 1 } }, NOW);
    expect(limits.countNewChat()).toBe(true);
    expect(limits.view(NOW).capping).toMatchObject({ status, used, total: 100 });
  });

  it('end by themselves: the lock at its end, the count with its cycle', () => {
    const limits = new SendLimits();
    limits.change({ timelock: { forMs: 500 }, capping: { status: 'CAPPED', used: 3, cycleMs: 2_000 } }, NOW);
    expect(limits.nextChange()).toBe(NOW + 500);
    expect(limits.view(NOW + 500).timelock).toBeNull();
    expect(limits.nextChange()).toBe(NOW + 2_000);
    expect(limits.view(NOW + 5_000).capping).toMatchObject({
      status: 'NONE',
      used: 0,
      cycleStart: NOW + 4_000,
      cycleEnd: NOW + 6_000,
    });
  });
});
