import { describe, expect, it } from 'vitest';
import { makeAccountId, makeMessageId } from '../../../src/accounts/ids.ts';
import type { HandedMessage } from '../../../src/db/outbox-store.ts';
import { type Check, Unsettled } from '../../../src/messages/unsettled.ts';

function handed(chatId: string): HandedMessage {
  return {
    id: makeMessageId(0),
    accountId: makeAccountId(),
    chatId,
    replyTo: null,
    type: 'text',
    text: 'hi',
    caption: null,
    payload: null,
    media: null,
    prepared: { chatId, key: { fromMe: true, chatId, bareId: '3EB0', participant: null } },
    claim: { epoch: 1, at: new Date(0) },
    isRepeatable: true,
    mayHaveLeft: true,
  };
}

function due(unsettled: Unsettled, now: number): Check {
  const [check] = unsettled.findDue(now);
  if (check === undefined) throw new Error('Nothing is due.');
  return check;
}

describe('Unsettled', () => {
  it('holds the chat of a message whose outcome is open, and only that', () => {
    const unsettled = new Unsettled();
    const message = handed('a@c.us');
    unsettled.hold(message, 0);
    expect(unsettled.blockedChats(1e9)).toEqual(['a@c.us']);
    expect(unsettled.isHeld('b@c.us', 0)).toBe(false);
    unsettled.settle(message.id);
    expect(unsettled.blockedChats(0)).toEqual([]);
    expect(unsettled.nextDueAt(0)).toBeUndefined();
  });

  it('lets the chat go on while the page holds the message, and looks again after a minute', () => {
    const unsettled = new Unsettled();
    unsettled.hold(handed('a@c.us'), 0);
    unsettled.watch(due(unsettled, 0), 0);
    expect(unsettled.blockedChats(0)).toEqual([]);
    expect(unsettled.findDue(59_999)).toEqual([]);
    expect(unsettled.nextDueAt(0)).toBe(60_000);
    unsettled.watch(due(unsettled, 60_000), 60_000);
    expect(unsettled.nextDueAt(60_000)).toBe(180_000);
  });

  it('ends every pause when what was waited for may have come, and begins with short ones again', () => {
    const unsettled = new Unsettled();
    for (let n = 0; n < 6; n += 1) unsettled.pause('a@c.us', 0);
    const withheld = handed('b@c.us');
    unsettled.hold(withheld, 30_000);
    const seen = handed('c@c.us');
    unsettled.keepSeen(seen, 60_000);
    unsettled.endPauses(1_000);
    expect(unsettled.blockedChats(1_000)).toEqual(['b@c.us']);
    expect(unsettled.findDue(1_000).map(({ message }) => message.id)).toEqual([withheld.id]);
    expect(unsettled.hasFailed('a@c.us')).toBe(true);
    expect(unsettled.pause('a@c.us', 1_000)).toBe(3_000);
  });

  it('looks at growing pauses while nothing is known, and lets the chat go on when its time is over', () => {
    const unsettled = new Unsettled();
    unsettled.hold(handed('a@c.us'), 0);
    let now = 0;
    const pauses: number[] = [];
    for (let look = 0; look < 4; look += 1) {
      unsettled.postpone(due(unsettled, now), { now, holdsUntil: 60_000 });
      const next = unsettled.nextDueAt(now) ?? Number.NaN;
      pauses.push(next - now);
      now = next;
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(unsettled.isHeld('a@c.us', 59_999)).toBe(true);
    expect(unsettled.isHeld('a@c.us', 60_000)).toBe(false);
    expect(unsettled.blockedChats(60_000)).toEqual([]);
  });

  it('says when a chat is free again, though nothing is to be looked at then', () => {
    const unsettled = new Unsettled();
    unsettled.hold(handed('a@c.us'), 0);
    unsettled.postpone(due(unsettled, 0), { now: 0, holdsUntil: 500 });
    expect(unsettled.nextDueAt(0)).toBe(500);
    expect(unsettled.nextDueAt(500)).toBe(1_000);
  });

  it('looks at one message of a chat at a time, at what was accepted first', () => {
    const unsettled = new Unsettled();
    const [first, second, other] = [handed('a@c.us'), handed('a@c.us'), handed('b@c.us')];
    unsettled.hold(first, 0);
    unsettled.hold(second, 0);
    unsettled.hold(other, 0);
    expect(unsettled.findDue(0).map(({ message }) => message)).toEqual([first, other]);
    unsettled.postpone(due(unsettled, 0), { now: 0, holdsUntil: 60_000 });
    expect(unsettled.findDue(0).map(({ message }) => message)).toEqual([other]);
    unsettled.watch(due(unsettled, 1_000), 1_000);
    expect(unsettled.findDue(1_000).map(({ message }) => message)).toEqual([second, other]);
  });

  it('pauses a chat longer each time, until it is resumed', () => {
    const unsettled = new Unsettled();
    unsettled.pause('a@c.us', 0);
    expect(unsettled.blockedChats(999)).toEqual(['a@c.us']);
    expect(unsettled.blockedChats(1_000)).toEqual([]);
    unsettled.pause('a@c.us', 1_000);
    expect(unsettled.nextDueAt(1_000)).toBe(3_000);
    unsettled.resume('a@c.us');
    expect(unsettled.nextDueAt(1_000)).toBeUndefined();
  });

  it('knows the chats that have failed, by all their names, until they are resumed', () => {
    const unsettled = new Unsettled();
    unsettled.learnAlias('7@lid', '49170@c.us');
    unsettled.pause('7@lid', 0);
    unsettled.pauseIfAgain('a@c.us', 0);
    expect(unsettled.failedChats()).toEqual(['7@lid']);
    expect(['7@lid', '49170@c.us', 'a@c.us'].map((chat) => unsettled.hasFailed(chat))).toEqual([
      true,
      true,
      false,
    ]);
    unsettled.resume('7@lid');
    expect([unsettled.failedChats(), unsettled.hasFailed('49170@c.us')]).toEqual([[], false]);
  });

  it('blocks a chat under all the names that it is known by (fact A16)', () => {
    const unsettled = new Unsettled();
    unsettled.learnAlias('7@lid', '49170@c.us');
    expect(unsettled.blockedChats(0, ['7@lid'])).toEqual(['7@lid', '49170@c.us']);
    unsettled.hold(handed('49170@c.us'), 0);
    expect(unsettled.blockedChats(0)).toEqual(['49170@c.us', '7@lid']);
  });
  it('holds a chat under the names that are learnt later, and under that of the key (fact A16)', () => {
    const unsettled = new Unsettled();
    const message = handed('7@lid');
    unsettled.hold(message, 0);
    unsettled.learnAlias('7@lid', '49170@c.us');
    unsettled.learnAlias('49170@c.us', '8@lid');
    for (const name of ['7@lid', '49170@c.us', '8@lid']) expect(unsettled.isHeld(name, 0)).toBe(true);
    expect(unsettled.isHeld('50@c.us', 0)).toBe(false);
    unsettled.settle(message.id);
    const key = { ...message.prepared.key, chatId: '9@lid' };
    unsettled.hold({ ...handed('50@c.us'), prepared: { chatId: '50@c.us', key } }, 0);
    expect(unsettled.isHeld('9@lid', 0)).toBe(true);
  });
});
