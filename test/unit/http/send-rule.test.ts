import { describe, expect, it } from 'vitest';
import { REASONS } from '../../../src/accounts/reason.ts';
import { checkMaySend } from '../../../src/http/send-rule.ts';

const firstLinkedAt = new Date(0);

describe('checkMaySend', () => {
  it.each(['connected', 'reconnecting'] as const)('takes a send while the account is %s', (state) => {
    expect(() => checkMaySend({ state, reason: null, firstLinkedAt })).not.toThrow();
  });

  it('refuses it while the account rests, and says why and what to do', () => {
    const { text, userAction } = REASONS.logged_out;
    expect(() => checkMaySend({ state: 'disconnected', reason: 'logged_out', firstLinkedAt })).toThrow(
      expect.objectContaining({
        code: 'ACCOUNT_NOT_CONNECTED',
        message: `The account is not connected. ${text} ${userAction}`,
      }),
    );
  });

  it('refuses it while no phone was ever linked, and says so', () => {
    expect(() => checkMaySend({ state: 'awaiting_scan', reason: null, firstLinkedAt: null })).toThrow(
      'The account is not connected. No phone was linked to it yet: scan its QR code, or type its pairing code.',
    );
  });
});
