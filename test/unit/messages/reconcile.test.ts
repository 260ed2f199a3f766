import { describe, expect, it } from 'vitest';
import type { KnownMessage } from '../../../src/db/catch-up-store.ts';
import type { MessageEvent } from '../../../src/messages/inbound-event.ts';
import { toMissedChanges } from '../../../src/messages/reconcile.ts';
import { makeMessage } from '../../support/scripted-session.ts';

const CHAT = '4915100000001@c.us';
const NOW = 5_000;
type Row = NonNullable<KnownMessage['row']>;

function changes(over: Partial<MessageEvent>, row: Partial<Row>): string[] {
  const fromMe = row.direction !== 'incoming';
  const key = { fromMe, chatId: CHAT, bareId: 'A', participant: null };
  const known: Row = { direction: 'outgoing', status: 'sent', editedAt: null, revokedAt: null, ...row };
  const event = makeMessage(CHAT, 'A', 1_000, { key, ...over });
  return toMissedChanges(event, { bareId: 'A', row: known }, NOW).map((change) => {
    switch (change.kind) {
      case 'ack':
        return `ack ${change.ack}${change.reason === null ? '' : ` for ${change.reason}`}`;
      case 'edit':
        return `edit ${change.text} ${change.at}`;
      default:
        return `${change.kind} ${change.at}`;
    }
  });
}

describe('what the page knows better of a stored message', () => {
  it.each<[string, Partial<MessageEvent>, Partial<Row>, string[]]>([
    ['a higher ack', { ack: 3 }, {}, ['ack 3']],
    ['the same ack', { ack: 1 }, {}, []],
    ['a lower ack', { ack: 1 }, { status: 'read' }, []],
    ['an ack of a send whose outcome was unknown', { ack: 1 }, { status: 'unknown' }, ['ack 1']],
    ['a refusal', { ack: -1 }, { status: 'pending' }, ['ack -1']],
    ['a refusal and why', { ack: -1, ackReason: '463' }, { status: 'pending' }, ['ack -1 for 463']],
    ['a refusal that is known', { ack: -1 }, { status: 'failed' }, []],
    [
      'an incoming message that was seen',
      { ack: 3 },
      { direction: 'incoming', status: 'delivered' },
      ['ack 3'],
    ],
    ['an incoming message known as seen', { ack: 3 }, { direction: 'incoming', status: 'read' }, []],
    ['an incoming message not seen', { ack: 1 }, { direction: 'incoming', status: 'delivered' }, []],
    ['a revocation', { type: 'revoked' }, {}, ['revoke 5000']],
    ['a revocation that is known', { type: 'revoked' }, { revokedAt: 2_000 }, []],
    ['an edit', { editedAt: 2_000, text: 'new' }, {}, ['edit new 2000']],
    ['an edited caption', { editedAt: 2_000, text: null, caption: 'c' }, {}, ['edit c 2000']],
    ['a newer edit', { editedAt: 3_000, text: 'new' }, { editedAt: 2_000 }, ['edit new 3000']],
    ['an edit that is known', { editedAt: 2_000 }, { editedAt: 2_000 }, []],
  ])('%s', (_, over, row, expected) => {
    expect(changes(over, row)).toEqual(expected);
  });

  it('is nothing for a message that was purged', () => {
    const event = makeMessage(CHAT, 'A', 1_000, { type: 'revoked' });
    expect(toMissedChanges(event, { bareId: 'A', row: null }, NOW)).toEqual([]);
  });
});
