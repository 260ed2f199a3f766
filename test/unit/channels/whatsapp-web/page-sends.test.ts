import { afterEach, describe, expect, it } from 'vitest';
import { watchLine } from '../../../../src/channels/whatsapp-web/page-line.ts';
import type { PageKey } from '../../../../src/channels/whatsapp-web/page-model.ts';
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

describe('a message that is looked up (A1, A16, A22)', () => {
  const model = { id: { id: 'AB12', fromMe: true, remote: new Wid('49@c.us') }, ack: 2 };
  const collections = (Msg: unknown, chats: unknown[] = []) => ({
    WAWebCollections: {
      Msg,
      Chat: { get: (wid: Wid) => chats.find((each) => String((each as { id: Wid }).id) === String(wid)) },
    },
    WAWebWidFactory,
  });

  it.each(['true_49@c.us_AB12', 'true_111@lid_AB12'])('is found in memory as %s', async (text) => {
    openConnectedPage(collections({ get: (asked: string) => (asked === text ? model : undefined) }));
    expect(await findMessage(key)).toMatchObject({ ack: 2 });
  });

  it('is found in the store though the store throws on the other name', async () => {
    const getMessagesById = async ([text]: string[]) => {
      if (text?.includes('@lid')) throw new Error('unknown address');
      return { messages: [model] };
    };
    openConnectedPage(collections({ get: () => undefined, getMessagesById }));
    expect(await findMessage(key)).toMatchObject({ ack: 2 });
  });

  it.each([
    ['111@lid', 'true_49@c.us_AB12'],
    ['49@c.us', 'true_111@lid_AB12'],
  ])('is found though it was prepared as %s and lies as %s', async (chatId, text) => {
    const WAWebLidMigrationUtils = {
      toPn: (lid: Wid) => (String(lid) === '111@lid' ? new Wid('49@c.us') : undefined),
      toLid: (phone: Wid) => (String(phone) === '49@c.us' ? new Wid('111@lid') : undefined),
    };
    const Msg = { get: (asked: string) => (asked === text ? model : undefined) };
    openConnectedPage({ ...collections(Msg), WAWebLidMigrationUtils });
    expect(await findMessage({ ...key, chatIds: [chatId] })).toMatchObject({ ack: 2 });
  });

  it('of a group is found under the other address of its author', async () => {
    const WAWebLidMigrationUtils = { toPn: () => new Wid('49@c.us'), toLid: () => new Wid('111@lid') };
    const text = 'true_1@g.us_AB12_111@lid';
    const Msg = { get: (asked: string) => (asked === text ? model : undefined) };
    openConnectedPage({ ...collections(Msg), WAWebLidMigrationUtils });
    expect(await findMessage({ ...key, participant: '49@c.us', chatIds: ['1@g.us'] })).toMatchObject({
      ack: 2,
    });
  });

  it('is found among the chat’s messages if the page knows no look-up', async () => {
    const chat = { id: new Wid('49@c.us'), msgs: { getModelsArray: () => [{ id: { id: 'other' } }, model] } };
    openConnectedPage(collections({}, [chat]));
    expect(await findMessage(key)).toMatchObject({ ack: 2 });
  });

  it.each([
    [{ errorCode: 463 }, '463'],
    [{ ackError: 'NO_ROUTE', errorCode: 463 }, 'NO_ROUTE'],
    [{}, undefined],
  ])('comes with why WhatsApp refused it: %j', async (told, reason) => {
    openConnectedPage(collections({ get: () => ({ ...model, ack: -1, ...told }) }));
    const found = await findMessage(key);
    expect([found?.ack, found?.reason]).toEqual([-1, reason]);
  });

  it('is absent where every way says so, and where a collection answers with another one', async () => {
    openConnectedPage(
      collections({ get: () => ({ id: { id: 'other' } }), getMessagesById: async () => undefined }),
    );
    expect(await findMessage(key)).toBeUndefined();
  });
});

describe('a message that goes out', () => {
  const chat = { id: new Wid('111@lid') };
  const base = {
    WAWebCollections: { Chat: { get: () => undefined }, Msg: { get: () => undefined } },
    WAWebWidFactory,
    WAWebMsgKey: MsgKey,
    WAWebUserPrefsMeUser: { getMaybeMeLidUser: () => new Wid('999@lid') },
  };
  const send = { pageChatId: '111@lid', key, text: 'hi', options: {}, fields: {}, quoted: null };

  it('gets a key though the own number and the phone behind the chat are unknown', async () => {
    const found = { wid: new Wid('111@lid', 'none') };
    openConnectedPage(
      { ...base, WAWebQueryExistsJob: { queryWidExists: async () => found } },
      { getChat: async () => chat },
    );
    expect(await prepareSend('49@c.us')).toMatchObject({ missing: false, id: { id: 'NEW1', fromMe: true } });
  });

  it.each<[string, object]>([
    ['cannot be asked for numbers', {}],
    ['does not answer for numbers', { WAWebQueryExistsJob: { queryWidExists: async () => undefined } }],
    [
      'answers with something else',
      { WAWebQueryExistsJob: { queryWidExists: async () => ({ wid: () => 1 }) } },
    ],
  ])('goes to the number itself where the page %s', async (_title, modules) => {
    const asked: unknown[] = [];
    const getChat = async (id: string) => {
      asked.push(id);
      return chat;
    };
    openConnectedPage({ ...base, ...modules }, { getChat });
    expect(await prepareSend('49@c.us')).toMatchObject({ missing: false });
    expect(asked).toEqual(['49@c.us']);
  });

  it.each([null, {}])('is missing where the page answers %j (F37)', async (answer) => {
    openConnectedPage({ ...base, WAWebQueryExistsJob: { queryWidExists: async () => answer } });
    expect(await prepareSend('49@c.us')).toEqual({ missing: true });
  });

  describe('to a number of which the page answers nothing, and to which it opens no chat', () => {
    const asked = (answer: unknown) => ({ WAWebQueryExistsJob: { queryWidExists: async () => answer } });
    const none: () => Promise<unknown> = async () => undefined;
    const throwing: typeof none = async () => Promise.reject(new Error('No LID for user'));

    it.each([none, throwing])('is missing, as the library has it (A16, F37)', async (getChat) => {
      openConnectedPage({ ...base, ...asked(undefined) }, { getChat });
      expect(await prepareSend('49@c.us')).toEqual({ missing: true });
    });

    it.each<[string, object, string]>([
      ['cannot be asked for numbers', {}, '49@c.us'],
      ['has no such question', { WAWebQueryExistsJob: {} }, '49@c.us'],
      ['knows the number', asked({ wid: new Wid('111@lid') }), '49@c.us'],
    ])('is tried again where the page %s', async (_title, modules, to) => {
      openConnectedPage({ ...base, ...modules }, { getChat: throwing });
      await expect(prepareSend(to)).rejects.toThrow('No LID for user');
    });

    it.each(['49@c.us', '111@lid', '1@g.us'])('is tried again while the line is down: %s', async (to) => {
      const Socket = { state: 'OPENING', on: () => undefined };
      openConnectedPage(
        { ...base, ...asked(undefined), WAWebSocketModel: { Socket } },
        { getChat: throwing },
      );
      watchLine(0);
      await expect(prepareSend(to)).rejects.toThrow('No LID for user');
    });

    it.each(['111@lid', '1@g.us'])('is told to have none where it is no number: %s', async (to) => {
      openConnectedPage(base, { getChat: throwing });
      expect(await prepareSend(to)).toEqual({ unopened: 'No LID for user' });
    });
  });

  it('is not given to a page that is not ready yet (F3)', async () => {
    openStrangePage(base);
    expect(await sendPrepared(send, null)).toEqual({ withheld: 'The page is not ready to send.' });
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['has no such chat', async () => undefined, 'The page has no such chat now.'],
    [
      'cannot open the chat',
      () => Promise.reject(new Error('busy')),
      'The page opens no such chat now: busy',
    ],
  ])('is not given to a page that %s', async (_title, getChat, withheld) => {
    const sendMessage = () => expect.unreachable();
    openConnectedPage(base, { getChat, sendMessage });
    expect(await sendPrepared(send, null)).toEqual({ withheld });
  });

  it('is a refusal if the page throws while it sends (F35)', async () => {
    const sendMessage = async () => Promise.reject(new Error('no'));
    openConnectedPage(base, { getChat: async () => chat, sendMessage });
    expect(await sendPrepared(send, null)).toEqual({ glimpse: undefined, refusal: 'no' });
  });
});

describe('a message that answers another one (A16)', () => {
  const chat = { id: new Wid('111@lid') };
  const quoted: PageKey = { fromMe: false, bareId: 'Q1', participant: null, chatIds: ['111@lid'] };
  const send = { pageChatId: '111@lid', key, text: 'hi', options: {}, fields: { type: 'chat' }, quoted };
  const asked = (changes: object = {}) => ({
    id: { id: 'Q1', fromMe: false, remote: new Wid('49@c.us') },
    canReply: () => true,
    msgContextInfo: (of: unknown) => ({ quotedStanzaID: 'Q1', quotedIn: of }),
    ...changes,
  });

  /** What the page was given, and what came of it. */
  async function sendWith(Msg: object, modules: object = {}) {
    const given: { extraOptions: object }[] = [];
    const sendMessage = async (_chat: unknown, _text: string, options: { extraOptions: object }) =>
      void given.push(options);
    openConnectedPage(
      {
        WAWebCollections: { Chat: { get: () => undefined }, Msg },
        WAWebWidFactory,
        WAWebMsgKey: MsgKey,
        WAWebUserPrefsMeUser: { getMaybeMeLidUser: () => new Wid('999@lid') },
        WAWebLidMigrationUtils: { toPn: () => new Wid('49@c.us') },
        ...modules,
      },
      { getChat: async () => chat, sendMessage },
    );
    return { sent: await sendPrepared(send, null), given: given.map(({ extraOptions }) => extraOptions) };
  }
  const under = (name: string, model: object) => ({
    get: (text: string) => (text === name ? model : undefined),
    getMessagesById: async () => ({ messages: [] }),
  });
  const QUOTE = { quotedStanzaID: 'Q1', quotedIn: chat, type: 'chat', id: { id: 'AB12' } };

  it.each(['false_111@lid_Q1', 'false_49@c.us_Q1'])('quotes it where it lies as %s', async (name) => {
    expect((await sendWith(under(name, asked()))).given).toMatchObject([QUOTE]);
  });

  it('quotes it where it lies in the store alone', async () => {
    const getMessagesById = async ([name]: string[]) => ({
      messages: name === 'false_49@c.us_Q1' ? [asked()] : [],
    });
    expect((await sendWith({ get: () => undefined, getMessagesById })).given).toMatchObject([QUOTE]);
  });

  it('quotes it as the page says that it can be', async () => {
    const model = asked({ canReply: undefined, unsafe: () => 'unsafe' });
    const WAWebMsgReply = { canReplyMsg: (of: unknown) => of === 'unsafe' };
    const { given } = await sendWith(under('false_111@lid_Q1', model), { WAWebMsgReply });
    expect(given).toMatchObject([QUOTE]);
  });

  it.each<[string, object]>([
    ['is not there', under('nothing', {})],
    ['cannot be answered', under('false_111@lid_Q1', asked({ canReply: () => false }))],
    ['cannot be quoted', under('false_111@lid_Q1', asked({ msgContextInfo: undefined }))],
  ])('is refused, not sent without it, where that %s', async (_title, Msg) => {
    const { sent, given } = await sendWith(Msg);
    expect(given).toEqual([]);
    expect(sent).toMatchObject({
      glimpse: undefined,
      refusal: expect.stringMatching(/that this one answers/),
    });
  });

  it('is withheld where the page cannot look it up now', async () => {
    const getMessagesById = async () => Promise.reject(new Error('closing'));
    const { sent, given } = await sendWith({ get: () => undefined, getMessagesById });
    expect(given).toEqual([]);
    expect(sent).toEqual({ withheld: 'The page cannot look up the message that this one answers: closing' });
  });
});
