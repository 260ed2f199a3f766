import { expect, it } from 'vitest';
import { SESSION_STATES, stateToConnectionStatus } from '../../../src/accounts/state.ts';
import { accountToLinkStep } from '../../../src/cli/link-step.ts';

const REASON = { code: 'x', text: 'Nobody scanned.', userAction: 'Scan again.' };

it.each([
  ['registered', 'wait'],
  ['starting', 'wait'],
  ['awaiting_scan', 'scan'],
  ['pairing', 'wait'],
  ['syncing', 'wait'],
  ['connected', 'linked'],
  ['reconnecting', 'wait'],
  ['needs_human', 'ended'],
  ['disconnected', 'ended'],
  ['closing', 'wait'],
] as const)('an account that is %s makes link %s', (state, kind) => {
  const account = { state, connectionStatus: stateToConnectionStatus(state), reason: REASON };
  expect(accountToLinkStep(account).kind).toBe(kind);
});

it('knows every state of a session', () => {
  expect(Object.keys(SESSION_STATES)).toHaveLength(10);
});

it('says why it ended and what to do', () => {
  const account = { state: 'disconnected', connectionStatus: 'Disconnected', reason: REASON };
  expect(accountToLinkStep(account)).toEqual({
    kind: 'ended',
    text: 'The account was not linked. Nobody scanned. Scan again.',
  });
});

it('goes by the coarse status where a newer daemon has another state', () => {
  const account = { state: 'passkey_needed', reason: null };
  expect(accountToLinkStep({ ...account, connectionStatus: 'Failed' }).kind).toBe('ended');
  expect(accountToLinkStep({ ...account, connectionStatus: 'Connecting' }).kind).toBe('wait');
});
