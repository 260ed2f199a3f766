import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chatIdToPhoneNumber,
  keyToString,
  parseKeyString,
  parseRawKey,
  parseRecipient,
  parseWid,
} from '../../../src/messages/whatsapp-key.ts';

const KEY = { fromMe: false, chatId: '491511111@c.us', bareId: '3EB0AB', participant: null };

describe('a message key', () => {
  it.each([
    [
      '_serialized',
      { fromMe: false, remote: '491511111@c.us', id: '3EB0AB', _serialized: 'false_491511111@c.us_3EB0AB' },
    ],
    ['$1 (A1)', { fromMe: false, remote: '491511111@c.us', id: '3EB0AB', $1: 'false_491511111@c.us_3EB0AB' }],
    ['neither', { fromMe: false, remote: { _serialized: '491511111@c.us' }, id: '3EB0AB' }],
    ['a chat in parts', { fromMe: false, remote: { user: '491511111', server: 'c.us' }, id: '3EB0AB' }],
    ['only the text', { $1: 'false_491511111@c.us_3EB0AB' }],
    ['text itself', 'false_491511111@c.us_3EB0AB'],
  ])('is the same in the dialect of %s', (_title, raw) => {
    expect(parseRawKey(raw)).toEqual(KEY);
  });

  it('carries the participant in groups, whichever way it is written', () => {
    const raw = { fromMe: false, remote: '1-2@g.us', id: 'A1', participant: { _serialized: '49152@c.us' } };
    const key = parseRawKey(raw);
    expect(key).toEqual({ fromMe: false, chatId: '1-2@g.us', bareId: 'A1', participant: '49152@c.us' });
    expect(key && keyToString(key)).toBe('false_1-2@g.us_A1_49152@c.us');
  });

  it.each([undefined, null, 7, '', 'hello', {}, { id: '' }, { remote: 'x@c.us' }])('is not %j', (raw) => {
    expect(parseRawKey(raw)).toBeUndefined();
  });

  it('comes back from its text', () => {
    const chatId = fc.tuple(fc.stringMatching(/^\d{5,15}$/), fc.constantFrom('c.us', 'lid', 'g.us'));
    const key = fc.record({
      fromMe: fc.boolean(),
      chatId: chatId.map(([user, server]) => `${user}@${server}`),
      bareId: fc.stringMatching(/^[0-9A-F]{2,32}$/),
      participant: fc.option(chatId.map(([user]) => `${user}@lid`)),
    });
    fc.assert(
      fc.property(key, (each) => {
        expect(parseKeyString(keyToString(each))).toEqual(each);
      }),
    );
  });
});

describe('ids of chats', () => {
  it.each([
    ['491511111@c.us', '+491511111'],
    ['491511111@s.whatsapp.net', '+491511111'],
    ['491511111:12@c.us', '+491511111'],
    ['123456789@lid', null],
    ['1203-99@g.us', null],
  ])('%s has the phone number %s (LID digits are none: A16)', (chatId, phone) => {
    expect(chatIdToPhoneNumber(chatId)).toBe(phone);
  });

  it.each([
    ['+491511111', '491511111@c.us'],
    [' +491511111 ', '491511111@c.us'],
    ['491511111@c.us', '491511111@c.us'],
    ['491511111@s.whatsapp.net', '491511111@c.us'],
    ['120363-1@g.us', '120363-1@g.us'],
    ['777@lid', '777@lid'],
    ['491511111', undefined],
    ['+123456', undefined],
    ['+1234567890123456', undefined],
    ['status@broadcast', undefined],
  ])('the recipient %s is %s', (to, chatId) => {
    expect(parseRecipient(to)).toBe(chatId);
  });

  it('a wid without text is none', () => {
    expect(parseWid('')).toBeUndefined();
    expect(parseWid({ user: 7 })).toBeUndefined();
  });
});
