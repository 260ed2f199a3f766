import { afterEach, describe, expect, it } from 'vitest';
import { installBridge, watchSocket } from '../../../../src/channels/whatsapp-web/page-bridge.ts';
import {
  acknowledgeNews,
  beginInjection,
  beginListening,
  findMessage,
  listChats,
  prepareSend,
  readChat,
  readIdentity,
  sendPrepared,
  softenLibrary,
} from '../../../../src/channels/whatsapp-web/page-calls.ts';
import type { PageKey, PageNews } from '../../../../src/channels/whatsapp-web/page-model.ts';

type Modules = Record<string, unknown>;

/**
 * A page as other versions of WhatsApp Web, or another simulator, might have it: only what a test gives, and
 * `require` throws for the rest as WhatsApp's does.
 */
function openPage(modules: Modules, library: Record<string, unknown> = {}) {
  const told: PageNews[] = [];
  const page = {
    require: (name: string) => {
      if (Object.hasOwn(modules, name)) return modules[name];
      throw new Error(`Requiring unknown module "${name}"`);
    },
    // What crosses into Node is JSON, so that toJSON decides what arrives.
    switchboardTell: async (pack: PageNews[]) => void told.push(...JSON.parse(JSON.stringify(pack))),
    WWebJS: { getMessageModel: (model: { serialize(): unknown }) => model.serialize(), ...library },
  };
  Object.assign(globalThis, { window: Object.assign(page, { top: page }) });
  installBridge();
  return { told, page: globalThis.window as typeof globalThis.window & Record<string, never> };
}

afterEach(() => {
  Reflect.deleteProperty(globalThis, 'window');
});

/** An address as pages have it today; `text` names the field of its serialised form. */
class Wid {
  readonly user: string;
  readonly server: string;
  constructor(text: string, dialect: '_serialized' | '$1' | 'none' = '_serialized') {
    [this.user = '', this.server = ''] = text.split('@');
    if (dialect !== 'none') Object.defineProperty(this, dialect, { value: text, enumerable: true });
  }
  toString(): string {
    return `${this.user}@${this.server}`;
  }
  isLid(): boolean {
    return this.server === 'lid';
  }
  isGroup(): boolean {
    return this.server === 'g.us';
  }
}

const createWid = (input: unknown) => (input instanceof Wid ? input : new Wid(String(input)));
const WAWebWidFactory = { createWid, asUserWidOrThrow: (wid: unknown) => wid };

class MsgKey {
  readonly fromMe: boolean;
  readonly remote: unknown;
  readonly id: string;
  constructor(parts: { selfDir?: string; to?: unknown; id: string; remote?: unknown }) {
    this.fromMe = parts.selfDir === 'out';
    this.remote = parts.remote ?? parts.to;
    this.id = parts.id;
  }
  static newId(): string {
    return 'NEW1';
  }
}

class Socket {
  state = 'OPENING';
  hasSynced?: unknown;
  readonly #listeners = new Map<string, ((socket: Socket, value: unknown) => void)[]>();
  on(event: string, listener: (socket: Socket, value: unknown) => void): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }
  emit(event: string, value?: unknown): void {
    for (const listen of this.#listeners.get(event) ?? []) listen(this, value);
  }
}

const key: PageKey = { fromMe: true, bareId: 'AB12', participant: null, chatIds: ['111@lid', '49@c.us'] };
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('the readiness of a strange page (A4, F26)', () => {
  const me = { getMaybeMePnUser: () => new Wid('49@c.us') };
  const watch = (socket: Socket, grace = 0) => {
    const opened = openPage({ WAWebSocketModel: { Socket: socket }, WAWebUserPrefsMeUser: me });
    beginInjection();
    expect(watchSocket(grace)).toBe(true);
    return opened;
  };

  it('is told at once if it has synced already', async () => {
    const socket = Object.assign(new Socket(), { state: 'CONNECTED', hasSynced: true });
    const { told } = watch(socket);
    await settle();
    expect(told).toMatchObject([{ kind: 'socket', state: 'CONNECTED', hasSynced: true, hasIdentity: true }]);
  });

  it('is told by the edge if it has no such property', async () => {
    const socket = Object.assign(new Socket(), { state: 'CONNECTED' });
    const { told } = watch(socket, 60_000);
    socket.emit('change:hasSynced');
    await settle();
    expect(told).toMatchObject([{ hasSynced: false }, { hasSynced: true }]);
  });

  it('is told after a grace if it has neither property nor edge', async () => {
    const socket = Object.assign(new Socket(), { state: 'CONNECTED' });
    const { told, page } = watch(socket, 0);
    page.switchboard?.report?.();
    await settle();
    expect(told.at(-1)).toMatchObject({ hasSynced: true });
  });

  it('survives a page without QR commands and without own addresses', async () => {
    const socket = Object.assign(new Socket(), { state: 'UNPAIRED_IDLE' });
    const { told } = openPage({ WAWebSocketModel: { Socket: socket } });
    beginInjection();
    watchSocket(0);
    await settle();
    expect(told).toMatchObject([{ state: 'UNPAIRED_IDLE', hasIdentity: false }]);
  });

  it('is watched only where injection began, and listened to once', () => {
    openPage({ WAWebSocketModel: { Socket: new Socket() } });
    expect(watchSocket(0)).toBe(false);
    expect(beginListening()).toBe(false);
    expect([beginInjection(), beginInjection()]).toEqual([true, false]);
    expect([beginListening(), beginListening()]).toEqual([true, false]);
  });
});

describe('who is linked', () => {
  const WAWebConnModel = { Conn: { serialize: () => ({ pushname: 'Shop' }) } };

  it('is known by a LID alone if the page knows no more', () => {
    const WAWebUserPrefsMeUser = { getMaybeMeLidUser: () => new Wid('111@lid') };
    openPage({ WAWebConnModel, WAWebUserPrefsMeUser });
    expect(readIdentity()).toMatchObject({ wid: { user: '111' }, phone: undefined, pushname: 'Shop' });
  });

  it('is known by the number behind its LID if the page can tell', () => {
    const WAWebUserPrefsMeUser = {
      getMaybeMePnUser: () => undefined,
      getMaybeMeLidUser: () => new Wid('111@lid'),
    };
    const WAWebApiContact = { getPhoneNumber: () => new Wid('49@c.us', 'none') };
    openPage({ WAWebConnModel, WAWebUserPrefsMeUser, WAWebApiContact, WAWebWidFactory });
    expect(readIdentity().phone).toBe('49@c.us');
  });
});

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
    openPage(collections({ get: (asked: string) => (asked === text ? model : undefined) }));
    expect(await findMessage(key)).toMatchObject({ ack: 2 });
  });

  it('is found in the store though the store throws on the other name', async () => {
    const getMessagesById = async ([text]: string[]) => {
      if (text?.includes('@lid')) throw new Error('unknown address');
      return { messages: [model] };
    };
    openPage(collections({ get: () => undefined, getMessagesById }));
    expect(await findMessage(key)).toMatchObject({ ack: 2 });
  });

  it('is found among the chat’s messages if the page knows no look-up', async () => {
    const chat = { id: new Wid('49@c.us'), msgs: { getModelsArray: () => [{ id: { id: 'other' } }, model] } };
    openPage(collections({}, [chat]));
    expect(await findMessage(key)).toMatchObject({ ack: 2 });
  });

  it('is absent where every way says so, and where a collection answers with another one', async () => {
    openPage(collections({ get: () => ({ id: { id: 'other' } }), getMessagesById: async () => undefined }));
    expect(await findMessage(key)).toBeUndefined();
  });
});

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
    return openPage({
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

describe('news of a strange page (A1)', () => {
  it('carries keys and addresses that turn into strings on their way', async () => {
    const text = 'false_111@lid_AB12';
    const { told, page } = openPage({});
    const id = { id: 'AB12', remote: new Wid('111@lid'), toJSON: () => text };
    (page as unknown as { onAddMessageEvent(model: object): void }).onAddMessageEvent({
      id,
      type: 'chat',
      body: 'hi',
      vcardList: 'none',
      pollOptions: {},
    });
    await settle();
    expect(told).toMatchObject([{ kind: 'message', message: { id: text, type: 'chat', body: 'hi' } }]);
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
  const send = { pageChatId: '111@lid', key, text: 'hi', options: {}, fields: {} };

  it('gets a key though the own number and the phone behind the chat are unknown', async () => {
    const found = { wid: new Wid('111@lid', 'none') };
    openPage(
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
    openPage({ ...base, ...modules }, { getChat });
    expect(await prepareSend('49@c.us')).toMatchObject({ missing: false });
    expect(asked).toEqual(['49@c.us']);
  });

  it.each([null, {}])('is missing where the page answers %j (F37)', async (answer) => {
    openPage({ ...base, WAWebQueryExistsJob: { queryWidExists: async () => answer } });
    expect(await prepareSend('49@c.us')).toEqual({ missing: true });
  });

  it('is no refusal in a page that is not ready yet (F3)', async () => {
    openPage(base);
    await expect(sendPrepared(send)).rejects.toThrow('not ready');
  });

  it('is a refusal if the page throws while it sends (F35)', async () => {
    const sendMessage = async () => Promise.reject(new Error('no'));
    openPage(base, { getChat: async () => chat, sendMessage });
    beginInjection();
    beginListening();
    expect(await sendPrepared(send)).toEqual({ glimpse: undefined, refusal: 'no' });
  });
});

it('lists chats in any dialect of their ids, and no channels', () => {
  const chats = ['49@c.us', '1@g.us', '5@newsletter'].map((text) => ({ id: new Wid(text, 'none'), t: 1 }));
  openPage({ WAWebCollections: { Chat: { getModelsArray: () => chats } } });
  expect(listChats().map(({ pageChatId }) => pageChatId)).toEqual(['49@c.us', '1@g.us']);
});

it("acknowledges what there is of a What's-new dialog (A8)", () => {
  let closed = 0;
  openPage({ WAWebModalManager: { ModalManager: { close: () => (closed += 1) } } });
  acknowledgeNews();
  expect(closed).toBe(1);
});
