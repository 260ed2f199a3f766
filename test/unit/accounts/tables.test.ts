import { describe, expect, it } from 'vitest';
import { REASONS } from '../../../src/accounts/reason.ts';
import { SESSION_STATES, stateToConnectionStatus } from '../../../src/accounts/state.ts';

describe('the tables of states and reasons', () => {
  it.each(Object.entries(REASONS))('%s rests in a state that fits its retry policy', (_code, reason) => {
    const status = stateToConnectionStatus(reason.state);
    if (reason.retry === 'backoff') expect(status).toBe('Reconnecting');
    else expect(['Failed', 'Disconnected']).toContain(status);
  });

  it.each(Object.entries(REASONS))(
    '%s tells a person what to do exactly if only a person can',
    (_code, reason) => {
      expect(reason.userAction === null).toBe(reason.retry === 'backoff');
    },
  );

  it('derives each connection status of the contract', () => {
    const statuses = Object.values(SESSION_STATES).map((state) => state.connectionStatus);
    expect(new Set(statuses)).toEqual(
      new Set(['Connecting', 'Connected', 'Reconnecting', 'Disconnected', 'Failed']),
    );
  });
});
