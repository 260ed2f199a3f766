import { describe, expect, it } from 'vitest';
import { describeCampaign, isOver } from '../../../src/cli/campaign-progress.ts';
import { makeCampaignProgress } from '../../support/campaign-progress.ts';

describe('describeCampaign', () => {
  const waiting = makeCampaignProgress({ waiting: 1, failed: 1, rejected: 1 });

  it.each([
    [{ ...waiting, waitsFor: 'connection' }, 'It waits until the account is connected.'],
    [
      { ...waiting, waitsFor: 'daily-limit', waitsUntil: '2026-02-01T00:00:00.000Z' },
      'The daily limit is used up until 2026-02-01 00:00:00 UTC.',
    ],
    [
      { ...waiting, waitsFor: 'rate-limit', waitsUntil: '2026-01-31T08:00:30.000Z' },
      'The limit per minute is used up until 2026-01-31 08:00:30 UTC.',
    ],
  ] as const)('says what it waits for: %#', (campaign, line) => {
    expect(describeCampaign(campaign)).toBe(
      `May: running\n${line}\n[${'#'.repeat(20)}${'.'.repeat(10)}] 2 of 3\n0 sent, 0 delivered, 0 read, 2 failed, 0 cancelled\n`,
    );
  });

  it('says why messages that were accepted may still wait', () => {
    const line = 'What was accepted leaves at the pace of the account (docs/limits.md).\n';
    expect(describeCampaign(makeCampaignProgress({ waiting: 1, pending: 1 }))).toContain(line);
    expect(describeCampaign(makeCampaignProgress({ sent: 2 }))).not.toContain('pace');
  });

  it('fits into 80 columns, and takes nothing of the name that moves the cursor', () => {
    const counts = { waiting: 1, read: 999, failed: 999, cancelled: 999 };
    const text = describeCampaign({ ...makeCampaignProgress(counts), name: `\x1b[2J\n${'x'.repeat(200)}` });
    expect(text).not.toContain('\x1b');
    expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThan(80);
  });
});

describe('isOver', () => {
  it.each([
    ['runs', { sent: 1, waiting: 1 }, 'running', false],
    ['has ended with a message that waits to leave', { sent: 1, pending: 1 }, 'completed', false],
    ['has ended with a message put off', { deferred: 1 }, 'completed', false],
    ['was completed', { sent: 1, failed: 1 }, 'completed', true],
    ['was cancelled', { sent: 1, cancelled: 1 }, 'cancelled', true],
  ] as const)('of one that %s', (_name, counts, status, expected) => {
    expect(isOver(makeCampaignProgress(counts, status))).toBe(expected);
  });
});
