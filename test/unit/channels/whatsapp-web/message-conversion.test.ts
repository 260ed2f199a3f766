import { describe, expect, it } from 'vitest';
import {
  newsToEvent,
  pageMessageToEvent,
  pageMessageToReadPlace,
} from '../../../../src/channels/whatsapp-web/message-conversion.ts';
import type { PageMessage, PageNews } from '../../../../src/channels/whatsapp-web/page-model.ts';

const NOW = 1_790_000_000_000;
const CHAT = '491511111@c.us';

function message(change: Partial<PageMessage>): PageMessage {
  return {
    id: { fromMe: false, remote: CHAT, id: 'A1', $1: `false_${CHAT}_A1` },
    type: 'chat',
    t: 1_780_000_000,
    ack: 1,
    body: 'hi',
    chatPhone: CHAT,
    ...change,
  };
}

function convert(change: Partial<PageMessage>) {
  return pageMessageToEvent(message(change), { recovered: false, now: NOW });
}

describe('a message of the page', () => {
  it('becomes an event with its key, chat, time and text', () => {
    expect(convert({ notifyName: 'Anna' })).toMatchObject({
      kind: 'message',
      key: { fromMe: false, chatId: CHAT, bareId: 'A1', participant: null },
      chatId: CHAT,
      at: 1_780_000_000_000,
      type: 'text',
      text: 'hi',
      author: CHAT,
      authorName: 'Anna',
      ack: 1,
      recovered: false,
    });
  });

  it('lies in the phone chat when the page speaks LID and knows the phone (A16)', () => {
    const event = convert({ id: { fromMe: false, remote: '777000@lid', id: 'A1' }, chatPhone: CHAT });
    expect(event).toMatchObject({ chatId: CHAT, key: { chatId: '777000@lid' } });
  });

  it('stays in the LID chat when no phone is known', () => {
    const { chatPhone: _, ...unknown } = message({ id: { fromMe: false, remote: '777000@lid', id: 'A1' } });
    expect(pageMessageToEvent(unknown, { recovered: false, now: NOW })).toMatchObject({
      chatId: '777000@lid',
    });
  });

  it('names its author in a group', () => {
    const id = { fromMe: false, remote: '12-3@g.us', id: 'A1', participant: { _serialized: '88@lid' } };
    expect(
      convert({ id, chatPhone: '12-3@g.us', author: '88@lid', authorPhone: '4915299@c.us' }),
    ).toMatchObject({
      chatId: '12-3@g.us',
      author: '4915299@c.us',
      key: { participant: '88@lid' },
    });
  });

  it('announces media and keeps its caption apart from text', () => {
    expect(
      convert({ type: 'image', mimetype: 'image/png', size: 12, filename: 'a.png', caption: 'look' }),
    ).toMatchObject({
      type: 'image',
      text: null,
      caption: 'look',
      media: { mimeType: 'image/png', fileName: 'a.png', fileSize: 12 },
    });
  });

  it('carries location, contacts, poll, quote, mentions and edits', () => {
    expect(convert({ type: 'location', lat: 1.5, lng: 2.5, loc: 'Office\nStreet 1' })?.location).toEqual({
      latitude: 1.5,
      longitude: 2.5,
      name: 'Office',
      address: 'Street 1',
    });
    const vcard = 'BEGIN:VCARD\nVERSION:3.0\nFN:Ben B\nEND:VCARD';
    expect(convert({ type: 'vcard', body: vcard })?.contacts).toEqual([{ name: 'Ben B', vcard }]);
    expect(
      convert({
        type: 'poll_creation',
        pollName: 'When?',
        pollOptions: [{ name: 'now' }],
        pollSelectableOptionsCount: 1,
      })?.poll,
    ).toEqual({ question: 'When?', options: ['now'], multipleAnswers: false });
    expect(convert({ quotedStanzaID: 'B2', quotedText: 'before' })?.quoted).toEqual({
      bareId: 'B2',
      text: 'before',
    });
    expect(convert({ mentionedJidList: [{ _serialized: '1@c.us' }, '2@lid'] })?.mentions).toEqual([
      '1@c.us',
      '2@lid',
    ]);
    expect(convert({ latestEditSenderTimestampMs: 5 })?.editedAt).toBe(5);
  });

  it('keeps a kind it does not know under its own name', () => {
    expect(convert({ type: 'list_response' })).toMatchObject({
      type: 'other',
      nativeType: 'list_response',
      text: 'hi',
      media: null,
    });
  });

  it('has the file of a kind that it does not know', () => {
    const file = { body: undefined as never, mimetype: 'image/jpeg', size: 12, caption: 'look' };
    expect(convert({ type: 'product', ...file })).toMatchObject({
      type: 'other',
      nativeType: 'product',
      text: null,
      caption: 'look',
      media: { mimeType: 'image/jpeg', fileName: null, fileSize: 12 },
    });
    expect(convert({ type: 'ptv', ...file, mimetype: 'video/mp4' })).toMatchObject({
      type: 'video',
      nativeType: 'ptv',
      media: { mimeType: 'video/mp4' },
    });
  });

  it.each(['gp2', 'e2e_notification', 'notification_template', 'call_log', 'ciphertext', 'protocol'])(
    'is none if it is the page’s own %s',
    (type) => {
      expect(convert({ type })).toBeUndefined();
    },
  );

  it.each(['status@broadcast', '99@broadcast', '12@newsletter'])('is none if it lies in %s', (remote) => {
    expect(convert({ id: { fromMe: false, remote, id: 'A1' } })).toBeUndefined();
  });

  it('that was revoked speaks of the message that is gone', () => {
    const event = convert({ type: 'revoked', revokedId: { fromMe: false, remote: CHAT, id: 'OLD' } });
    expect(event).toMatchObject({ type: 'revoked', key: { bareId: 'OLD' } });
  });

  it('that was refused says why', () => {
    expect(convert({ ack: -1, ackReason: '463' })).toMatchObject({ ack: -1, ackReason: '463' });
    expect(convert({ ack: 1 })).toMatchObject({ ack: 1, ackReason: null });
    expect(convert({ ack: -4 })).toMatchObject({ ack: -1, ackReason: 'CONTENT_TOO_BIG' });
    expect(convert({ ack: -6 })).toMatchObject({ ack: 0, ackReason: null });
  });

  it.each([
    [1e15, 253_402_300_799_999],
    [1.2345, 1_234],
    ['soon' as unknown as number, NOW],
    [Number.NaN, NOW],
  ])('that is dated %s lies within the calendar', (t, at) => {
    expect(convert({ t })).toMatchObject({ at });
    expect(convert({ latestEditSenderTimestampMs: 1e17 })).toMatchObject({ editedAt: 253_402_300_799_999 });
  });

  it('without a time gets the present one', () => {
    const { t: _, ...timeless } = message({});
    expect(pageMessageToEvent(timeless, { recovered: true, now: NOW })).toMatchObject({
      at: NOW,
      recovered: true,
    });
  });
});

describe('a message that is read back', () => {
  it('that is none to us keeps its place and its time, under a name of its own', () => {
    const places = [{ id: 'no key' }, { id: { id: 'A' } }, {}, { type: 'call_log' }].map((change) =>
      pageMessageToReadPlace(message(change), NOW),
    );
    expect(places.map(({ kind }) => kind)).toEqual(['unreadable', 'unreadable', 'message', 'unreadable']);
    expect(places[0]).toMatchObject({ at: places[2]?.at });
    expect(new Set(places.map(({ key }) => key.bareId)).size).toBe(4);
  });
});

describe('news of the page', () => {
  it.each<[PageNews, object | undefined]>([
    [
      { kind: 'ack', message: message({}), ack: 2 },
      { kind: 'ack', ack: 2, reason: null, at: NOW },
    ],
    [
      { kind: 'ack', message: message({}), ack: -1, reason: '463' },
      { kind: 'ack', ack: -1, reason: '463' },
    ],
    [
      { kind: 'ack', message: message({}), ack: -2 },
      { kind: 'ack', ack: -1, reason: 'EXPIRED' },
    ],
    [{ kind: 'ack', message: message({}), ack: -6 }, undefined],
    [{ kind: 'ack', message: message({}), ack: 9 }, undefined],
    [
      { kind: 'edit', message: message({ body: 'new' }) },
      { kind: 'edit', text: 'new' },
    ],
    [{ kind: 'edit', message: message({ type: 'revoked', body: '' }) }, undefined],
    [
      { kind: 'edit', message: message({ body: 'new', caption: '' }) },
      { kind: 'edit', text: 'new' },
    ],
    [
      { kind: 'edit', message: message({ type: 'image', body: '/9j/4AAQ', caption: 'new' }) },
      { kind: 'edit', text: 'new' },
    ],
    [{ kind: 'edit', message: message({ type: 'image', body: '/9j/4AAQ' }) }, undefined],
    [
      { kind: 'edit', message: message({ type: 'product', mimetype: 'image/jpeg', caption: 'new' }) },
      { kind: 'edit', text: 'new' },
    ],
    [
      { kind: 'revoke', message: message({ type: 'revoked' }) },
      { kind: 'revoke', key: { bareId: 'A1' } },
    ],
    [{ kind: 'socket', state: 'CONNECTED', hasSynced: true, hasIdentity: true }, undefined],
    [{ kind: 'logout' }, undefined],
    [
      {
        kind: 'reaction',
        reaction: {
          parentId: message({}).id,
          sender: { _serialized: '5@lid' },
          senderPhone: CHAT,
          emoji: '👍',
          at: 7,
        },
      },
      { kind: 'reaction', senderId: CHAT, emoji: '👍', at: 7, key: { bareId: 'A1' } },
    ],
    [
      {
        kind: 'vote',
        vote: { parentId: message({}).id, voter: '5@lid', voterPhone: CHAT, choices: [1, -1, 0.5], at: 7 },
      },
      { kind: 'vote', voterId: CHAT, choices: [1], at: 7, chatId: CHAT, key: { bareId: 'A1' } },
    ],
    [{ kind: 'vote', vote: { parentId: 'nonsense', voter: CHAT, choices: [] } }, undefined],
  ])('%j', (news, expected) => {
    const event = newsToEvent(news, NOW);
    if (expected === undefined) expect(event).toBeUndefined();
    else expect(event).toMatchObject(expected);
  });
});
