import { afterEach, describe, expect, it } from 'vitest';
import {
  acknowledgeNews,
  beginInjection,
  beginListening,
  readIdentity,
  selfTest,
} from '../../../../src/channels/whatsapp-web/page-calls.ts';
import type { PageNews } from '../../../../src/channels/whatsapp-web/page-model.ts';
import { watchSocket } from '../../../../src/channels/whatsapp-web/page-socket.ts';
import {
  closeStrangePage,
  MsgKey,
  openStrangePage,
  WAWebWidFactory,
  Wid,
} from '../../../support/strange-page.ts';

afterEach(closeStrangePage);

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

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('the readiness of a strange page (A4, F26)', () => {
  const me = { getMaybeMePnUser: () => new Wid('49@c.us') };
  const watch = (socket: Socket, grace = 0) => {
    const opened = openStrangePage({ WAWebSocketModel: { Socket: socket }, WAWebUserPrefsMeUser: me });
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
    const { told } = openStrangePage({ WAWebSocketModel: { Socket: socket } });
    beginInjection();
    watchSocket(0);
    await settle();
    expect(told).toMatchObject([{ state: 'UNPAIRED_IDLE', hasIdentity: false }]);
  });

  it('is watched only where injection began, and listened to once', () => {
    openStrangePage({ WAWebSocketModel: { Socket: new Socket() } });
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
    openStrangePage({ WAWebConnModel, WAWebUserPrefsMeUser });
    expect(readIdentity()).toMatchObject({ wid: { user: '111' }, phone: undefined, pushname: 'Shop' });
  });

  it('is known by the number behind its LID if the page can tell', () => {
    const WAWebUserPrefsMeUser = {
      getMaybeMePnUser: () => undefined,
      getMaybeMeLidUser: () => new Wid('111@lid'),
    };
    const WAWebApiContact = { getPhoneNumber: () => new Wid('49@c.us', 'none') };
    openStrangePage({ WAWebConnModel, WAWebUserPrefsMeUser, WAWebApiContact, WAWebWidFactory });
    expect(readIdentity().phone).toBe('49@c.us');
  });
});

describe('news of a strange page (A1)', () => {
  it('carries keys and addresses that turn into strings on their way', async () => {
    const text = 'false_111@lid_AB12';
    const { told, page } = openStrangePage({});
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

it.each<[string, object, number | undefined]>([
  [
    'as the page and the library have it',
    { reactionTimestamp: 1_790_000_000_123, timestamp: 1_790_000_000.123 },
    1_790_000_000_123,
  ],
  ['in the seconds of the library alone', { timestamp: 1_790_000_000 }, 1_790_000_000_000],
  ['not at all', { timestamp: Number.NaN }, undefined],
])('tells of a reaction with its time in milliseconds, where a row says it %s', async (_title, times, at) => {
  const { told, page } = openStrangePage({});
  const parentMsgKey = new MsgKey({ to: new Wid('49@c.us'), id: 'AB12' });
  const row = { parentMsgKey, senderUserJid: '49@c.us', reactionText: '👍', ...times };
  (page as unknown as { onReaction(rows: object[]): void }).onReaction([row]);
  await settle();
  expect(told).toMatchObject([{ kind: 'reaction', reaction: { sender: '49@c.us', emoji: '👍' } }]);
  expect(told.map((news) => 'reaction' in news && news.reaction.at)).toEqual([at]);
});

describe('the parts of a message that the library reads', () => {
  const pick = (model: object, modules = {}) => {
    const { page } = openStrangePage(modules);
    return page.switchboard?.pick({ id: { id: 'AB12', _serialized: 'key of AB12' }, type: 'chat', ...model });
  };
  const THUMBNAIL = '/9j/4AAQ';

  it.each([undefined, null, ''])('are its text where it says that it is no file by %j', (mimetype) => {
    expect(pick({ body: 'hi', mimetype })).toMatchObject({ body: 'hi' });
    expect(pick({ quotedMsg: { body: 'hi', mimetype } })).toMatchObject({ quotedText: 'hi' });
  });

  it('are not the thumbnail of a file, nor of a place', () => {
    expect(pick({ body: THUMBNAIL, mimetype: 'image/jpeg' })?.body).toBeUndefined();
    expect(pick({ body: THUMBNAIL, type: 'location' })?.body).toBeUndefined();
    expect(pick({ quotedMsg: { body: THUMBNAIL, mimetype: 'image/jpeg' } })?.quotedText).toBeUndefined();
    expect(pick({ quotedMsg: { body: THUMBNAIL, type: 'location' } })?.quotedText).toBeUndefined();
  });

  it('are the caption of what is quoted, or its text where that is empty', () => {
    expect(pick({ quotedMsg: { body: THUMBNAIL, caption: 'look', mimetype: 'image/jpeg' } })).toMatchObject({
      quotedText: 'look',
    });
    expect(pick({ quotedMsg: { body: 'hi', caption: '' } })).toMatchObject({ quotedText: 'hi' });
  });

  it('are the message that is quoted, by whichever way the page names it', () => {
    const quotedMsg = { body: 'hi' };
    expect(pick({ quotedMsg, quotedStanzaID: 'Q1' })).toMatchObject({ quotedStanzaID: 'Q1' });
    expect(pick({ quotedMsg: { ...quotedMsg, id: { id: 'Q1' } } })).toMatchObject({ quotedStanzaID: 'Q1' });
    const Msg = { get: (name: string) => (name === 'key of AB12' ? 'model' : undefined) };
    const getQuotedMsgObj = (model: unknown) => (model === 'model' ? { id: { id: 'Q1' } } : undefined);
    const modules = { WAWebCollections: { Msg }, WAWebQuotedMsgModelUtils: { getQuotedMsgObj } };
    expect(pick({ quotedMsg }, modules)).toMatchObject({ quotedStanzaID: 'Q1' });
    expect(pick({ quotedMsg })?.quotedStanzaID).toBeUndefined();
    expect(pick({}, modules)?.quotedStanzaID).toBeUndefined();
  });
});

it("acknowledges what there is of a What's-new dialog (A8)", () => {
  let closed = 0;
  openStrangePage({ WAWebModalManager: { ModalManager: { close: () => (closed += 1) } } });
  acknowledgeNews();
  expect(closed).toBe(1);
});

it.each([
  ['is to be shown, after so many days', { shouldShow: () => true }, ['dismiss 15', 'close']],
  ['does not say whether it is to be shown', {}, ['dismiss 15', 'close']],
  ['is not to be shown', { shouldShow: () => false }, ['close']],
])("dismisses a What's-new dialog that %s (A8)", (_title, nux, calls) => {
  const called: string[] = [];
  openStrangePage({
    WAWebWhatsNewGatingUtils: { getWhatsNewAutoModalCooldownDays: () => 15 },
    WAWebWhatsNewNux: {
      createWhatsNewNux: (days: unknown) => ({ ...nux, dismiss: () => called.push(`dismiss ${days}`) }),
    },
    WAWebModalManager: { ModalManager: { close: () => called.push('close') } },
  });
  acknowledgeNews();
  expect(called).toEqual(calls);
});

describe('the self-test of a strange page (A1)', () => {
  const modules = () => ({
    WAWebCollections: { Msg: {}, Chat: {} },
    WAWebMsgKey: MsgKey,
    WAWebWidFactory,
    WAWebSendMsgChatAction: { addAndSendMsgToChat: () => undefined },
    WAWebUserPrefsMeUser: { getMaybeMeLidUser: () => undefined },
    WAWebSyncGatingUtils: {},
    WAWebCallCollection: undefined,
  });

  it('finds nothing in a whole one, at once', async () => {
    openStrangePage(modules());
    expect(await selfTest(0)).toEqual([]);
  });

  it('names what a page lacks after the grace', async () => {
    const { WAWebMsgKey: _, ...others } = modules();
    openStrangePage({ ...others, WAWebCollections: { Msg: {} } });
    expect(await selfTest(1)).toEqual(['WAWebCollections', 'WAWebMsgKey']);
  });

  it('waits for modules that are registered meanwhile', async () => {
    const { WAWebSendMsgChatAction, WAWebCallCollection, ...registered } = modules();
    openStrangePage(registered);
    const missing = selfTest(60_000);
    Object.assign(registered, { WAWebSendMsgChatAction, WAWebCallCollection });
    expect(await missing).toEqual([]);
  });
});

describe('a page whose news nobody takes for a while', () => {
  /** A page whose packs are taken when the test says so. */
  const openBusyPage = () => {
    const { page } = openStrangePage({});
    const packs: { readonly news: readonly PageNews[]; readonly taken: PromiseWithResolvers<void> }[] = [];
    page.switchboardTell = async (news) => {
      const taken = Promise.withResolvers<void>();
      packs.push({ news, taken });
      await taken.promise;
    };
    const tell = (from: number, to: number) => {
      for (let n = from; n < to; n += 1)
        page.switchboard?.tell({ kind: 'message', message: { id: n, type: 'chat' } });
    };
    const takeAll = async () => {
      for (let n = 0; n < packs.length; n += 1) {
        packs[n]?.taken.resolve();
        await settle();
      }
      return packs
        .flatMap(({ news }) => news)
        .map((each) => ('message' in each ? each.message.id : each.kind));
    };
    return { page, packs, tell, takeAll };
  };
  const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);

  it('keeps it, in order, and hands over one pack at a time', async () => {
    const { packs, tell, takeAll } = openBusyPage();
    tell(0, 250);
    await settle();
    expect(packs).toHaveLength(1);
    expect(await takeAll()).toEqual(ids(0, 250));
  });

  it('drops what it cannot keep and says where, once (A23)', async () => {
    const { tell, takeAll } = openBusyPage();
    tell(0, 6_000);
    expect(await takeAll()).toEqual([...ids(0, 5_000), 'overflow']);
    tell(6_000, 6_010);
    expect((await takeAll()).slice(5_001)).toEqual(ids(6_000, 6_010));
  });

  it('tells the end of the link behind what it kept, and drops it never', async () => {
    const { page, tell, takeAll } = openBusyPage();
    tell(0, 6_000);
    page.switchboard?.tell({ kind: 'logout' });
    tell(6_000, 6_010);
    expect(await takeAll()).toEqual([...ids(0, 5_000), 'overflow', 'logout']);
  });

  it('says where Node could not take it, and goes on behind (F39)', async () => {
    const { page, packs, tell, takeAll } = openBusyPage();
    const take = page.switchboardTell;
    let failures = 2;
    Object.assign(page, {
      switchboardTell: async (news: PageNews[]) => {
        failures -= 1;
        if (failures >= 0) throw new Error('of a handler');
        await take?.(news);
      },
    });
    tell(0, 1);
    await settle();
    expect(packs).toEqual([]);
    tell(1, 3);
    expect(await takeAll()).toEqual(['overflow', 1, 2]);
  });

  it('tells of the session itself meanwhile', async () => {
    const { page, packs, tell } = openBusyPage();
    tell(0, 200);
    page.switchboard?.tell({ kind: 'socket', state: 'CONFLICT', hasSynced: true, hasIdentity: true });
    await settle();
    expect(packs.at(-1)?.news).toMatchObject([{ kind: 'socket' }]);
  });
});
