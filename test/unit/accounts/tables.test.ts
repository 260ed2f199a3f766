import { describe, expect, it } from 'vitest';
import { REASONS } from '../../../src/accounts/reason.ts';
import { nextState, SESSION_FACTS } from '../../../src/accounts/session-machine.ts';
import { SESSION_STATES, stateToConnectionStatus } from '../../../src/accounts/state.ts';

describe('the tables of states and reasons', () => {
  it.each(Object.entries(REASONS))('%s rests in a state that fits its retry policy', (_code, reason) => {
    const status = stateToConnectionStatus(reason.state);
    if (reason.retry !== 'never') expect(status).toBe('Reconnecting');
    else expect(['Failed', 'Disconnected']).toContain(status);
  });

  it.each(Object.entries(REASONS))(
    '%s tells a person what to do exactly if a person can do something',
    (code, reason) => {
      // They are tried again, but a network that stays away and a disk that stays full are for somebody to look at.
      const isForPerson =
        reason.retry === 'never' || ['page_unreachable', 'disk_full', 'storage_failed'].includes(code);
      expect(reason.userAction !== null).toBe(isForPerson);
    },
  );

  it.each(Object.entries(SESSION_FACTS))('%s leads from states that exist to another state', (_fact, row) => {
    for (const from of row.from) expect(Object.keys(SESSION_STATES)).toContain(from);
    const moves = row.from.filter((from) => from !== row.to);
    expect(moves.length).toBeGreaterThan(0);
  });

  it('leaves no state without a way in and a way out', () => {
    const rows = Object.values(SESSION_FACTS) as { from: readonly string[]; to: string }[];
    for (const state of Object.keys(SESSION_STATES)) {
      expect(rows.some(({ from, to }) => to !== state && from.includes(state))).toBe(true);
      expect(state === 'registered' || rows.some(({ to }) => to === state)).toBe(true);
    }
  });

  it('changes nothing at a fact that a state does not know', () => {
    expect(nextState('connected', 'code-shown')).toBeUndefined();
    expect(nextState('connected', 'fell')).toBe('reconnecting');
  });

  it('derives each connection status of the contract', () => {
    const statuses = Object.values(SESSION_STATES).map((state) => state.connectionStatus);
    expect(new Set(statuses)).toEqual(
      new Set(['Connecting', 'Connected', 'Reconnecting', 'Disconnected', 'Failed']),
    );
  });
});
