import { afterEach, describe, expect, it, vi } from 'vitest';
import { readChatList, readContacts } from '../../../../src/channels/whatsapp-web/page-directory.ts';
import { downloadMedia } from '../../../../src/channels/whatsapp-web/page-media.ts';
import type { PageKey } from '../../../../src/channels/whatsapp-web/page-model.ts';
import { reactToMessage } from '../../../../src/channels/whatsapp-web/page-reaction.ts';
import { listChats, readChat } from '../../../../src/channels/whatsapp-web/page-reading.ts';
import { findMessage, prepareSend, sendPrepared } from '../../../../src/channels/whatsapp-web/page-sends.ts';
import {
  closeStrangePage,
  MsgKey,
  openConnectedPage,
  openStrangePage,
  WAWebWidFactory,
  Wid,
} from '../../../support/strange-page.ts';

afterEach(closeStrangePage);

const key: PageKey = { fromMe: true, bareId: 'AB12', participant: null, chatIds: ['111@lid', '49@c.us'] };
const model = { id: { id: 'AB12', fromMe: true, remote: new Wid('49@c.us') }, ack: 2 };
const closing = () => Promise.reject(new Error('The database connection is closing.'));

describe('a document that is not connected (F3)', () => {
  const empty = { get: () => undefined, getModelsArray: () => [], getMessagesById: async () => ({}) };
  const modules = {
    WAWebCollections: { Msg: empty, Chat: empty, Contact: empty },
    WAWebWidFactory,
    WAWebMsgKey: MsgKey,
    WAWebQueryExistsJob: { queryWidExists: async () => null },
  };

  it.each<[string, () => unknown]>([
    ['chats', () => listChats()],
    ['a list of chats', () => readChatList(null, 10)],
    ['contacts', () => readContacts(null, 10)],
    ['messages of a chat', () => readChat('49@c.us', { offset: 0, limit: 10 }, [])],
    ['a message', () => findMessage(key)],
    ['media', () => downloadMedia(key)],
    ['a message to react to', () => reactToMessage(key, '👍')],
    ['a number', () => prepareSend('49@c.us')],
  ])('does not answer for %s', async (_title, ask) => {
    openStrangePage(modules);
    await expect((async () => ask())()).rejects.toThrow('not ready');
  });

  it('says nothing of a chat that it does not have either when it is', async () => {
    openConnectedPage(modules);
    await expect(readChat('49@c.us', { offset: 0, limit: 10 }, [])).rejects.toThrow('no such chat');
  });
});

describe('a message whose look-up fails', () => {
  interface Parts {
    readonly Msg: object;
    /** Messages of the chat in memory, and the older ones by load. */
    readonly loaded?: object[];
    readonly loads?: object[][];
    readonly loadEarlierMsgs?: unknown;
  }
  const other = (n: number) => ({ id: { id: `other ${n}` } });

  /** A page with one chat, unless nothing of it is given. */
  const openPage = ({ Msg, loaded, loads, loadEarlierMsgs }: Parts, library = {}) => {
    const load = loadEarlierMsgs ?? (loads && (async () => loads.shift() ?? []));
    const chat = loaded && { id: new Wid('49@c.us'), msgs: { getModelsArray: () => loaded } };
    return openConnectedPage(
      {
        WAWebCollections: {
          Msg,
          Chat: { get: (wid: Wid) => (String(wid) === '49@c.us' ? chat : undefined) },
        },
        WAWebWidFactory,
        WAWebMsgKey: MsgKey,
        WAWebUserPrefsMeUser: { getMaybeMePnUser: () => new Wid('99@c.us') },
        ...(load ? { WAWebChatLoadMessages: { loadEarlierMsgs: load } } : {}),
      },
      library,
    );
  };
  const get = () => undefined;

  it.each<[string, Parts]>([
    ['whose store rejects', { Msg: { get, getMessagesById: closing } }],
    ['whose store rejects, with a chat', { Msg: { get, getMessagesById: closing }, loaded: [other(1)] }],
    [
      'whose store rejects, and the chat’s history with it',
      { Msg: { get, getMessagesById: closing }, loaded: [], loadEarlierMsgs: closing },
    ],
    [
      'whose memory cannot be read either',
      {
        Msg: {
          get: () => {
            throw new Error('closing');
          },
        },
      },
    ],
  ])('is not absent from a page %s', async (_title, parts) => {
    openPage(parts);
    await expect(findMessage(key)).rejects.toThrow(/closing|cannot read/);
    await expect(downloadMedia(key)).rejects.toThrow(/closing|cannot read/);
  });

  it('is not absent where its chat is longer than what is looked through', async () => {
    let loads = 0;
    const loadEarlierMsgs = async () => {
      loads += 1;
      return Array.from({ length: 100 }, (_, n) => other(100 * loads + n));
    };
    openPage({ Msg: { get, getMessagesById: closing }, loaded: [], loadEarlierMsgs });
    await expect(findMessage(key)).rejects.toThrow('closing');
    expect(loads).toBe(10);
  });

  it('is found in the history of its chat', async () => {
    openPage({
      Msg: { get, getMessagesById: closing },
      loaded: [other(3)],
      loads: [[other(2)], [model, other(1)]],
    });
    expect(await findMessage(key)).toMatchObject({ ack: 2 });
  });

  it('is absent where the whole history of its chat does not have it', async () => {
    openPage({ Msg: { get, getMessagesById: closing }, loaded: [other(3)], loads: [[other(2)], [other(1)]] });
    expect(await findMessage(key)).toBeUndefined();
  });

  it('is absent where the store answers for the names that it knows', async () => {
    const getMessagesById = async ([name]: string[]) =>
      name?.includes('@lid') ? closing() : { messages: [undefined] };
    openPage({ Msg: { get, getMessagesById } });
    expect(await findMessage(key)).toBeUndefined();
  });

  it('is absent without a look into its history where the store answers for each name', async () => {
    const loadEarlierMsgs = vi.fn();
    openPage({ Msg: { get, getMessagesById: async () => ({ messages: [] }) }, loaded: [], loadEarlierMsgs });
    expect(await findMessage(key)).toBeUndefined();
    expect(loadEarlierMsgs).not.toHaveBeenCalled();
  });

  it.each<[string, Parts]>([
    ['a store', { Msg: { get }, loaded: [other(1)], loads: [] }],
    ['a store and a history', { Msg: { get }, loaded: [other(1)] }],
    ['anything but a memory', { Msg: { get } }],
  ])('is absent where a page without %s says so', async (_title, parts) => {
    openPage(parts);
    expect(await findMessage(key)).toBeUndefined();
  });

  it('is no refusal where the page throws while it sends (F35)', async () => {
    const sendMessage = async () => Promise.reject(new Error('no'));
    const getChat = async () => ({ id: new Wid('49@c.us') });
    openPage({ Msg: { get, getMessagesById: closing } }, { getChat, sendMessage });
    const send = { pageChatId: '49@c.us', key, text: 'hi', options: {}, fields: {}, quoted: null };
    await expect(sendPrepared(send, null)).rejects.toThrow('closing');
  });
});
