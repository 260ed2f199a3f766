import { describe, expect, it } from 'vitest';
import type { AccountId, MessageId, TenantId } from '../../../src/accounts/ids.ts';
import type { FeedChange } from '../../../src/db/change-feed-store.ts';
import { changesToNews, isOver } from '../../../src/http/realtime-event.ts';

function change(messageId: string, kind: FeedChange['kind']): FeedChange {
  return {
    id: '1',
    tenantId: 'default' as TenantId,
    accountId: 'account' as AccountId,
    chatId: '491700000001@c.us',
    chatSeq: '1',
    messageId: messageId as MessageId,
    kind,
    at: new Date(0),
    xid: null,
  };
}

describe('changes that are told together', () => {
  it.each<[string, [string, FeedChange['kind']][], [string, boolean][]]>([
    ['are none of none', [], []],
    [
      'name each message once, in the order of their first changes',
      [
        ['a', 'status'],
        ['b', 'edit'],
        ['a', 'status'],
      ],
      [
        ['a', false],
        ['b', false],
      ],
    ],
    [
      'say that a message is new, whatever else became of it',
      [
        ['a', 'message'],
        ['a', 'status'],
        ['a', 'revoke'],
      ],
      [['a', true]],
    ],
    [
      'say so too if it was merged with one that was known',
      [
        ['a', 'status'],
        ['a', 'message'],
      ],
      [['a', true]],
    ],
  ])('%s', (_title, changes, expected) => {
    const news = changesToNews(changes.map(([id, kind]) => change(id, kind)));
    expect(news.map(({ messageId, isNew }) => [messageId, isNew])).toEqual(expected);
  });
});

describe('an event that is told later', () => {
  const code = (leftMs: number) => ({ expiresAt: new Date(1_000_000 + leftMs).toISOString() });
  it.each<[string, unknown, boolean]>([
    ['account:qr', code(1), false],
    ['account:qr', code(0), true],
    ['account:pairing-code', code(-1), true],
    ['account:qr', { expiresAt: null }, false],
    ['message:status', code(-1), false],
  ])('%s with %j is over: %s', (name, payload, expected) => {
    expect(isOver([name, payload, 'offset'], 1_000_000)).toBe(expected);
  });
});
