import { afterEach, describe, expect, it } from 'vitest';
import { softenLibrary } from '../../../../src/channels/whatsapp-web/page-calls.ts';
import { listChats, readChat } from '../../../../src/channels/whatsapp-web/page-reading.ts';
import { closeStrangePage, openStrangePage, WAWebWidFactory, Wid } from '../../../support/strange-page.ts';

afterEach(closeStrangePage);

describe('a chat that is read back (A14, A18)', () => {
  const message = (id: string, t: number) => ({
    id: { id },
    t,
    type: 'chat',
    body: id,
    serialize: () => ({ id: { id }, type: 'chat', t, body: id }),
  });
  const chatOf = (loaded: object[], loadEarlierMsgs: unknown) => {
    const chat = { id: new Wid('49@c.us'), msgs: { getModelsArray: () => loaded } };
    return openStrangePage({
      WAWebCollections: { Chat: { get: () => chat } },
      WAWebWidFactory,
      WAWebChatLoadMessages: { loadEarlierMsgs },
    });
  };
  const read = async () => (await readChat('49@c.us', 0, 10)).map(({ body }) => body);

  it('ends where the page gives undefined', async () => {
    chatOf([message('b', 2), message('a', 1)], async () => undefined);
    expect(await read()).toEqual(['b', 'a']);
  });

  it('ends where the page gives the same again and again', async () => {
    chatOf([message('b', 2)], async () => [message('a', 1)]);
    expect(await read()).toEqual(['b', 'a']);
  });

  it('goes on over a load of notices only', async () => {
    const loads = [[{ ...message('notice', 1), isNotification: true }], [message('a', 0)], []];
    chatOf([message('b', 2)], async () => loads.shift());
    expect(await read()).toEqual(['b', 'a']);
  });

  it('keeps a message that the library cannot serialise', async () => {
    const broken = { ...message('broken', 1), serialize: undefined };
    chatOf([message('b', 2), broken], async () => []);
    softenLibrary();
    expect(await read()).toEqual(['b', 'broken']);
  });

  it('rejects, to be tried again, where loading fails', async () => {
    chatOf([message('b', 2)], async () => Promise.reject(new Error('busy')));
    await expect(read()).rejects.toThrow('busy');
  });
});

it('lists chats in any dialect of their ids, and no channels', () => {
  const chats = ['49@c.us', '1@g.us', '5@newsletter'].map((text) => ({ id: new Wid(text, 'none'), t: 1 }));
  openStrangePage({ WAWebCollections: { Chat: { getModelsArray: () => chats } } });
  expect(listChats().map(({ pageChatId }) => pageChatId)).toEqual(['49@c.us', '1@g.us']);
});
