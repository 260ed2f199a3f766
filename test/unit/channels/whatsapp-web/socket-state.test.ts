import { expect, it } from 'vitest';
import { socketMeaning } from '../../../../src/channels/whatsapp-web/socket-state.ts';

it.each([
  ['CONNECTED', { kind: 'connected' }],
  ['PAIRING', { kind: 'pairing' }],
  ['OPENING', { kind: 'waiting' }],
  ['TIMEOUT', { kind: 'waiting' }],
  ['UNPAIRED', { kind: 'unpaired' }],
  ['UNPAIRED_IDLE', { kind: 'unpaired' }],
  ['CONFLICT', { kind: 'ended', reason: 'replaced' }],
  ['TOS_BLOCK', { kind: 'ended', reason: 'banned' }],
  ['SMB_TOS_BLOCK', { kind: 'ended', reason: 'banned' }],
  ['DEPRECATED_VERSION', { kind: 'ended', reason: 'client_outdated' }],
  ['PROXYBLOCK', { kind: 'ended', reason: 'proxy_blocked' }],
  ['A_STATE_OF_NEXT_YEAR', { kind: 'waiting' }],
])('the socket state %s means %j (F16, F17)', (state, meaning) => {
  expect(socketMeaning(state)).toEqual(meaning);
});
