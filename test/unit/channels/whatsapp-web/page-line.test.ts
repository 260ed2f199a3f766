import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchLine } from '../../../../src/channels/whatsapp-web/page-line.ts';
import { letLibraryTakeFiles, type PageFile } from '../../../../src/channels/whatsapp-web/page-media.ts';
import { sendPrepared } from '../../../../src/channels/whatsapp-web/page-sends.ts';
import {
  closeStrangePage,
  MsgKey,
  openConnectedPage,
  WAWebWidFactory,
  Wid,
} from '../../../support/strange-page.ts';

const GRACE_MS = 10_000;
const CHAT = '111@lid';

class Socket {
  state: string | undefined = 'CONNECTED';
  readonly #listeners: (() => void)[] = [];
  on(event: string, listener: () => void): void {
    if (event === 'change:state') this.#listeners.push(listener);
  }
  become(state: string): void {
    this.state = state;
    for (const listen of this.#listeners) listen();
  }
}

interface Message {
  readonly id: { readonly fromMe: boolean; readonly id: string };
  ack: number;
  readonly isNotification?: boolean;
}

const own = (id: string, ack = 0): Message => ({ id: { fromMe: true, id }, ack });

/** A page with a chat that has these messages; `given` is what the page was given, in its order. */
function openPage(socket: Socket, held: Message[] = [], upload = async () => ({})) {
  const models = [...held];
  const chats = new Map<string, object>();
  const given: string[] = [];
  const sendMessage = async (
    chat: { models: Message[] },
    _text: string,
    options: { media?: unknown; extraOptions: { id: { id: string } } },
  ) => {
    if (options.media) await window.WWebJS.processMediaData(options.media, {});
    const { id } = options.extraOptions.id;
    given.push(id);
    chat.models.push(own(id));
  };
  const getChat = async (id: string) => {
    const list = id === CHAT ? models : [];
    const chat = chats.get(id) ?? { id: new Wid(id), models: list, msgs: { getModelsArray: () => list } };
    chats.set(id, chat);
    return chat;
  };
  const find = (text: string) => models.find(({ id }) => text.endsWith(id.id));
  openConnectedPage(
    {
      WAWebSocketModel: { Socket: socket },
      WAWebCollections: { Chat: { get: () => undefined }, Msg: { get: find } },
      WAWebWidFactory,
      WAWebMsgKey: MsgKey,
      WAWebUserPrefsMeUser: { getMaybeMeLidUser: () => new Wid('999@lid') },
    },
    { getChat, sendMessage, processMediaData: upload, processStickerData: upload },
  );
  watchLine(GRACE_MS);
  letLibraryTakeFiles();
  const send = (id: string, file: PageFile | null = null, pageChatId = CHAT) =>
    sendPrepared(
      {
        pageChatId,
        key: { fromMe: true, bareId: id, participant: null, chatIds: [pageChatId] },
        text: id,
        options: {},
        fields: {},
        quoted: null,
      },
      file,
    );
  return { models, given, send };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  closeStrangePage();
});

const DOWN = { withheld: "The page's line to WhatsApp is down (OPENING)." };

describe('the line of a page (F1)', () => {
  it.each(['OPENING', 'TIMEOUT', 'PAIRING', 'something new'])('is down in state %s', async (state) => {
    const socket = new Socket();
    const { given, send } = openPage(socket);
    socket.become(state);
    expect(await send('A')).toEqual({ withheld: `The page's line to WhatsApp is down (${state}).` });
    expect(given).toEqual([]);
    socket.become('CONNECTED');
    expect(await send('A')).toMatchObject({ refusal: undefined });
    expect(given).toEqual(['A']);
  });

  it('counts as up where the page tells no state', async () => {
    const { given, send } = openPage(Object.assign(new Socket(), { state: undefined }));
    await send('A');
    expect(given).toEqual(['A']);
  });

  it('that is new lets nothing overtake what the page has still to send', async () => {
    const socket = new Socket();
    const { models, given, send } = openPage(socket);
    await send('A');
    await send('B');
    socket.become('OPENING');
    socket.become('CONNECTED');
    const third = send('C');
    await vi.advanceTimersByTimeAsync(1_000);
    for (const model of models) if (model.id.id === 'A') model.ack = 1;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(given).toEqual(['A', 'B']);
    for (const model of models) if (model.id.id === 'B') model.ack = -1;
    await vi.advanceTimersByTimeAsync(100);
    expect(await third).toMatchObject({ refusal: undefined });
    expect(given).toEqual(['A', 'B', 'C']);
  });

  it('that is new to a document does not either, and other chats wait for nothing', async () => {
    const { models, given, send } = openPage(new Socket(), [own('before')]);
    const waiting = send('A');
    await send('B', null, '222@lid');
    expect(given).toEqual(['B']);
    models.shift();
    await vi.advanceTimersByTimeAsync(100);
    await waiting;
    expect(given).toEqual(['B', 'A']);
  });

  it('keeps the order of what was given over it: nothing waits', async () => {
    const { given, send } = openPage(new Socket());
    for (const id of ['A', 'B', 'C']) await send(id);
    expect(given).toEqual(['A', 'B', 'C']);
  });

  it('is waited for no longer than the page may take to send again', async () => {
    const socket = new Socket();
    const { given, send } = openPage(socket, [own('for ever')]);
    await vi.advanceTimersByTimeAsync(GRACE_MS - 100);
    const sent = send('A');
    await vi.advanceTimersByTimeAsync(50);
    expect(given).toEqual([]);
    await vi.advanceTimersByTimeAsync(100);
    await sent;
    await send('B');
    expect(given).toEqual(['A', 'B']);
  });

  it.each<[string, Message[]]>([
    ['what is confirmed', [own('old', 1)]],
    ['what was refused', [own('old', -1)]],
    ['what came in', [{ id: { fromMe: false, id: 'old' }, ack: 0 }]],
    ['what is no message', [{ ...own('old'), isNotification: true }]],
    ['the message itself', [own('A')]],
  ])('is not waited for because of %s', async (_title, held) => {
    const { given, send } = openPage(new Socket(), held);
    await send('A');
    expect(given).toEqual(['A']);
  });

  it('is waited for by nobody where the page cannot tell what waits', async () => {
    const { given, send } = openPage(new Socket(), [null as unknown as Message]);
    const find = () => undefined;
    window.require('WAWebCollections').Msg.get = find;
    expect(await send('A')).toEqual({ glimpse: undefined, refusal: undefined });
    expect(given).toEqual(['A']);
  });

  it('that goes while a message waits for its turn takes nothing', async () => {
    const socket = new Socket();
    const { given, send } = openPage(socket, [own('before')]);
    const waiting = send('A');
    await vi.advanceTimersByTimeAsync(200);
    socket.become('OPENING');
    await vi.advanceTimersByTimeAsync(100);
    expect(await waiting).toEqual(DOWN);
    expect(given).toEqual([]);
  });

  it('is looked at again once a file is uploaded', async () => {
    const socket = new Socket();
    const uploads: PromiseWithResolvers<object>[] = [];
    const upload = () => {
      const uploading = Promise.withResolvers<object>();
      uploads.push(uploading);
      return uploading.promise;
    };
    const { models, given, send } = openPage(socket, [], upload);
    const file = { mimetype: 'image/png', filename: 'a.png', file: {} as File };
    await send('A');

    const cutOff = send('B', file);
    await vi.advanceTimersByTimeAsync(0);
    socket.become('OPENING');
    uploads[0]?.resolve({});
    expect(await cutOff).toEqual(DOWN);

    socket.become('CONNECTED');
    for (const model of models) model.ack = 1;
    const later = send('B', file);
    await vi.advanceTimersByTimeAsync(0);
    for (const model of models) model.ack = 0;
    socket.become('OPENING');
    socket.become('CONNECTED');
    uploads[1]?.resolve({});
    await vi.advanceTimersByTimeAsync(1_000);
    expect(given).toEqual(['A']);
    for (const model of models) model.ack = 1;
    await vi.advanceTimersByTimeAsync(100);
    expect(await later).toMatchObject({ refusal: undefined });
    expect(given).toEqual(['A', 'B']);
  });
});
