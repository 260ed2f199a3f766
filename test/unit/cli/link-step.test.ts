import { expect, it } from 'vitest';
import { SESSION_STATES, stateToConnectionStatus } from '../../../src/accounts/state.ts';
import { accountToLinkStep } from '../../../src/cli/link-step.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const since = '2026-01-02T03:00:00Z';
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
  const account = { state, connectionStatus: stateToConnectionStatus(state), reason: REASON, since };
  expect(accountToLinkStep(account, NOW).kind).toBe(kind);
});

it('knows every state of a session', () => {
  expect(Object.keys(SESSION_STATES)).toHaveLength(10);
});

it('says why it ended and what to do', () => {
  const account = { state: 'disconnected', connectionStatus: 'Disconnected', reason: REASON, since };
  expect(accountToLinkStep(account, NOW)).toEqual({
    kind: 'ended',
    text: 'The account was not linked. Nobody scanned. Scan again.',
  });
});

it('goes by the coarse status where a newer daemon has another state', () => {
  const account = { state: 'passkey_needed', reason: null, since };
  expect(accountToLinkStep({ ...account, connectionStatus: 'Failed' }, NOW).kind).toBe('ended');
  expect(accountToLinkStep({ ...account, connectionStatus: 'Connecting' }, NOW).kind).toBe('wait');
});

it('waits for the phone to approve a passkey, as long as the daemon does (A24)', () => {
  const reason = { code: 'passkey', text: 'WhatsApp asks for a passkey.', userAction: 'Approve it.' };
  const account = { state: 'needs_human', connectionStatus: 'Failed', reason, since };
  expect(accountToLinkStep(account, NOW)).toEqual({
    kind: 'wait',
    text: 'WhatsApp asks for a passkey. Approve it.',
  });
  expect(accountToLinkStep(account, Date.parse(since) + 300_000).kind).toBe('ended');
});
