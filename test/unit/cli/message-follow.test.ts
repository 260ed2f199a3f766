import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import type { ApiClient } from '../../../src/cli/api-client.ts';
import { followMessages } from '../../../src/cli/message-follow.ts';

/** As much of the daemon as following one account needs: its events are emitted by the test. */
function makeDaemon(listed: object) {
  const events = Object.assign(new EventEmitter(), {
    recovered: false,
    connect: () => queueMicrotask(() => events.emit('connect')),
    disconnect: () => undefined,
  });
  const api = {
    now: () => 0,
    getAccount: async () => ({}),
    openEvents: () => events,
    listMessages: async () => [listed],
  };
  return { events, api: api as unknown as ApiClient };
}

it('shows a message once whose reactions and votes come in another order', async () => {
  const [anna, ben] = [
    { senderId: 'anna', emoji: '👍', at: '2026-03-01T12:00:00.000Z' },
    { senderId: 'ben', emoji: '👍', at: '2026-03-01T12:00:00.000Z' },
  ];
  const votes = [
    { voterId: 'anna', options: ['now'], at: anna.at },
    { voterId: 'ben', options: ['now'], at: ben.at },
  ];
  const message = {
    accountId: 'a',
    messageId: 'listed',
    direction: 'incoming',
    timestamp: anna.at,
    reactions: [anna, ben],
    votes,
  };
  const { api, events } = makeDaemon(message);
  const { signal } = new AbortController();
  const following = followMessages(api, {
    accountId: 'a',
    filter: {},
    first: 1,
    onPresence: () => undefined,
    signal,
  });
  expect((await following.next()).value).toMatchObject({ messageId: 'listed' });
  const again = { ...message, reactions: [ben, anna], votes: votes.toReversed() };
  events.emit('message:received', again);
  events.emit('message:received', { ...message, messageId: 'next' });
  expect((await following.next()).value).toMatchObject({ messageId: 'next' });
  await following.return(undefined);
});
