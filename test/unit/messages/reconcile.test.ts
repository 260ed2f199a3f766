import { describe, expect, it } from 'vitest';
import type { KnownMessage } from '../../../src/db/catch-up-store.ts';
import type { MessageEvent, ReactionEvent, VoteEvent } from '../../../src/messages/inbound-event.ts';
import { isDoubtful, toMissedChanges, toMissedMessage } from '../../../src/messages/reconcile.ts';
import { makeMessage } from '../../support/scripted-session.ts';

const CHAT = '4915100000001@c.us';
const NOW = 5_000;
const TIMES = { nowMs: NOW, readAgoMs: 500 };
type Row = NonNullable<KnownMessage['row']>;

function changes(over: Partial<MessageEvent>, row: Partial<Row>): string[] {
  const fromMe = row.direction !== 'incoming';
  const key = { fromMe, chatId: CHAT, bareId: 'A', participant: null };
  const known: Row = {
    direction: 'outgoing',
    status: 'sent',
    editedAt: null,
    revokedAt: null,
    reactions: [],
    votes: new Map(),
    ...row,
  };
  const event = makeMessage(CHAT, 'A', 1_000, { key, ...over });
  return toMissedChanges(event, { bareId: 'A', row: known }, TIMES).map((change) => {
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
    expect(toMissedChanges(event, { bareId: 'A', row: null }, TIMES)).toEqual([]);
  });
});

describe('reactions that came and went', () => {
  const reaction = (senderId: string, emoji: string, at: number): ReactionEvent => ({
    kind: 'reaction',
    key: { fromMe: true, chatId: CHAT, bareId: 'A', participant: null },
    chatId: CHAT,
    senderId,
    emoji,
    at,
  });
  const missed = (page: ReactionEvent[] | undefined, known: [string, string, number, number?][]) => {
    const { key, chatId } = reaction('', '', 0);
    const event = { ...makeMessage(chatId, 'A', 1_000, { key }), ...(page && { reactions: page }) };
    const reactions = known.map(([senderId, emoji, at, heldMs = 60_000]) => ({
      senderId,
      emoji,
      at,
      heldMs,
    }));
    const nothing = { editedAt: null, revokedAt: null, votes: new Map() };
    const row: Row = { direction: 'outgoing', status: 'sent', ...nothing, reactions };
    const message = { bareId: 'A', row };
    const changes = toMissedChanges(event, message, TIMES).map((change) =>
      change.kind === 'reaction' ? [change.senderId, change.emoji, change.at] : change,
    );
    return { changes, isDoubtful: isDoubtful(event, message, TIMES.readAgoMs) };
  };

  it.each<[string, ReactionEvent[] | undefined, [string, string, number, number?][], unknown[]]>([
    ['a new one', [reaction('a', '👍', 5)], [], [['a', '👍', 5]]],
    ['a known one', [reaction('a', '👍', 5)], [['a', '👍', 5]], []],
    ['another emoji', [reaction('a', '🎉', 6)], [['a', '👍', 5]], [['a', '🎉', 6]]],
    ['an older emoji than is known', [reaction('a', '🎉', 4)], [['a', '👍', 5]], []],
    ['one that was given again', [reaction('a', '👍', 6)], [['a', '', 5]], [['a', '👍', 6]]],
    ['one that was taken back', [], [['a', '👍', 5]], [['a', '', 5]]],
    ['one that was taken back at once', [], [['a', '👍', NOW, 2_501]], [['a', '', NOW]]],
    ['one that is known as taken back', [], [['a', '', 5]], []],
    ['one that may have come since the page was read', [], [['a', '👍', 5, 2_499]], []],
    ['a page that cannot tell', undefined, [['a', '👍', 5]], []],
  ])('%s', (_, page, known, expected) => {
    expect(missed(page, known).changes).toEqual(expected);
  });

  it('are doubtful where one that the page lacks may have come since it was read', () => {
    expect(missed([], [['a', '👍', 5, 2_499]]).isDoubtful).toBe(true);
    expect(missed([], [['a', '👍', 5, 2_501]]).isDoubtful).toBe(false);
    expect(missed([], [['a', '', 5, 2_499]]).isDoubtful).toBe(false);
    expect(missed([reaction('a', '👍', 5)], [['a', '👍', 5, 2_499]]).isDoubtful).toBe(false);
    expect(missed(undefined, [['a', '👍', 5, 2_499]]).isDoubtful).toBe(false);
  });
});

describe('votes that came while nobody listened', () => {
  const { key, chatId } = makeMessage(CHAT, 'A', 1_000);
  const vote = (choices: number[], at: number): VoteEvent => {
    return { kind: 'vote', key, chatId, voterId: 'a', choices, at };
  };
  const missed = (votes: VoteEvent[] | undefined, known: [string, number][]) => {
    const nothing = { editedAt: null, revokedAt: null, reactions: [] };
    const row: Row = { direction: 'incoming', status: 'delivered', ...nothing, votes: new Map(known) };
    const event = { ...makeMessage(CHAT, 'A', 1_000), ...(votes && { votes }) };
    return toMissedChanges(event, { bareId: 'A', row }, TIMES);
  };

  it.each<[string, VoteEvent[] | undefined, [string, number][], VoteEvent[]]>([
    ['a new one', [vote([1], 5)], [], [vote([1], 5)]],
    ['a later one', [vote([1], 5)], [['a', 4]], [vote([1], 5)]],
    ['one that was taken back', [vote([], 5)], [['a', 4]], [vote([], 5)]],
    ['a known one', [vote([1], 5)], [['a', 5]], []],
    ['a page that cannot tell', undefined, [['a', 5]], []],
  ])('%s', (_, page, known, expected) => {
    expect(missed(page, known)).toEqual(expected);
  });

  it('come behind a poll that the database lacks', () => {
    const poll = { ...makeMessage(CHAT, 'A', 1_000), votes: [vote([1], 5)] };
    expect(toMissedMessage(poll)).toMatchObject([{ kind: 'message', recovered: true }, vote([1], 5)]);
  });
});
