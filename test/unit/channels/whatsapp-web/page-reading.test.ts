import { afterEach, describe, expect, it } from 'vitest';
import { softenLibrary } from '../../../../src/channels/whatsapp-web/page-calls.ts';
import { listChats, readChat } from '../../../../src/channels/whatsapp-web/page-reading.ts';
import { closeStrangePage, openConnectedPage, WAWebWidFactory, Wid } from '../../../support/strange-page.ts';

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
    return openConnectedPage({
      WAWebCollections: { Chat: { get: () => chat } },
      WAWebWidFactory,
      WAWebChatLoadMessages: { loadEarlierMsgs },
    });
  };
  const read = async (limit = 10) => {
    const messages = await readChat('49@c.us', { offset: 0, limit }, ['call_log']);
    return messages.map(({ body }) => body);
  };

  const page = async (offset: number, limit: number) => {
    const messages = await readChat('49@c.us', { offset, limit }, ['call_log']);
    return messages.map(({ body }) => body);
  };

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

  it('fills its pages with messages, whatever bookkeeping lies between them', async () => {
    const call = { ...message('call', 2), type: 'call_log' };
    chatOf([message('c', 3), call], async () => [message('b', 1), message('a', 0)]);
    expect(await read(2)).toEqual(['c', 'b']);
  });

  it('is read as far as it is loaded where the page cannot load more', async () => {
    openConnectedPage({
      WAWebCollections: {
        Chat: { get: () => ({ id: new Wid('49@c.us'), msgs: { getModelsArray: () => [message('a', 1)] } }) },
      },
      WAWebWidFactory,
    });
    expect(await read()).toEqual(['a']);
  });

  it('goes on where the page loads what it does not give', async () => {
    const loaded = [message('c', 3)];
    const loads = [message('b', 2), message('a', 1)];
    chatOf(loaded, async () => void loaded.unshift(...loads.splice(0, 1)));
    expect(await read()).toEqual(['c', 'b', 'a']);
  });

  it('has what others load of it meanwhile', async () => {
    const loaded = [message('e', 5)];
    const loads = [[message('d', 4)], [message('a', 1)]];
    chatOf(loaded, async () => {
      const older = loads.shift() ?? [];
      loaded.unshift(...older);
      return older;
    });
    expect(await page(0, 2)).toEqual(['e', 'd']);
    loaded.unshift(message('b', 2), message('c', 3));
    expect(await page(2, 10)).toEqual(['c', 'b', 'a']);
  });

  it('has what comes meanwhile in its place, and keeps the order of one second', async () => {
    const loaded = [message('c', 2), message('d', 2)];
    chatOf(loaded, async () => [message('a', 2), message('b', 2)]);
    expect(await page(0, 2)).toEqual(['d', 'c']);
    loaded.push(message('e', 2), message('late', 1));
    expect(await page(1, 10)).toEqual(['d', 'c', 'b', 'a', 'late']);
  });

  it('is read in steps that do not grow with what was read before', async () => {
    const size = 4_000;
    let looks = 0;
    const model = (n: number) => ({
      ...message(`m${n}`, n),
      get type() {
        looks += 1;
        return 'chat';
      },
    });
    const loaded: object[] = [];
    let oldest = size;
    chatOf(loaded, async () => {
      const older = Array.from({ length: Math.min(50, oldest) }, (_, n) => model(oldest - 50 + n));
      oldest -= older.length;
      loaded.unshift(...older);
      return older;
    });
    const told: (string | undefined)[] = [];
    for (let offset = 0; offset < size; offset += 50) told.push(...(await page(offset, 50)));
    expect(told).toEqual(Array.from({ length: size }, (_, n) => `m${size - 1 - n}`));
    expect(looks).toBeLessThan(10 * size);
  });

  describe('with reactions', () => {
    const sender = { senderUserJid: '1@c.us', reactionText: '👍', timestamp: 1_790_000_000_123 };
    const listOf = (...senders: object[]) => {
      const groups = senders.length === 0 ? [] : [{ aggregateEmoji: '👍', senders }];
      return { reactions: { serialize: () => groups } };
    };
    /** What is told of the reactions to a message whose mark says so, and which the page's list has like this. */
    const readReactions = async (hasReaction: unknown, Reactions: object | undefined) => {
      const model = { ...message('a', 1), id: { id: 'a', _serialized: 'key of a' }, hasReaction };
      chatOf([model], async () => []);
      Object.assign(window.require('WAWebCollections'), { Reactions });
      const [told] = await readChat('49@c.us', { offset: 0, limit: 10 }, []);
      return told?.reactions;
    };

    it.each([true, false, undefined])('tells them with their times, marked as %s', async (hasReaction) => {
      const find = async (id: unknown) => (id === 'key of a' ? listOf(sender) : listOf());
      expect(await readReactions(hasReaction, { find })).toEqual([
        { sender: '1@c.us', senderPhone: '1@c.us', emoji: '👍', at: 1_790_000_000_123 },
      ]);
    });

    it('takes a time that is named as a row’s for what it is', async () => {
      const { timestamp, ...named } = { ...sender, reactionTimestamp: sender.timestamp };
      expect(await readReactions(true, { find: async () => listOf(named) })).toMatchObject([
        { at: timestamp },
      ]);
    });

    it.each([undefined, null, 0, 'soon'])('leaves a time out that says %s', async (timestamp) => {
      const find = async () => listOf({ ...sender, timestamp });
      expect(await readReactions(true, { find })).toEqual([
        { sender: '1@c.us', senderPhone: '1@c.us', emoji: '👍' },
      ]);
    });

    it.each([true, false, undefined])(
      'says that there are none where the list is empty, marked as %s',
      async (hasReaction) => {
        expect(await readReactions(hasReaction, { find: async () => listOf() })).toEqual([]);
      },
    );

    it.each<[string, object | undefined]>([
      ['is none', undefined],
      ['throws', { find: async () => Promise.reject(new Error('unknown')) }],
      ['answers nothing', { find: async () => undefined }],
    ])('cannot tell where the list %s, whatever the mark says', async (_title, Reactions) => {
      for (const hasReaction of [true, false, undefined])
        expect(await readReactions(hasReaction, Reactions)).toBeUndefined();
    });
  });

  it.each<[string, unknown]>([
    ['a buffer, as the page’s store has them', new Uint8Array([7, 6]).buffer],
    ['bytes', new Uint8Array([7, 6])],
    ['a list', [7, 6]],
  ])('tells the votes of a poll, where the page has them: options as %s', async (_title, selected) => {
    const vote = { sender: '1@c.us', selectedOptionLocalIds: selected, senderTimestampMs: 5_000 };
    const none = { sender: '2@c.us', selectedOptionLocalIds: new ArrayBuffer(0), senderTimestampMs: 6_000 };
    const poll = (id: string) => ({
      ...message(id, 2),
      id: { id, _serialized: `key of ${id}` },
      type: 'poll_creation',
      pollOptions: [{ localId: 6 }, { localId: 7 }],
    });
    chatOf([poll('a'), poll('b'), message('text', 0)], async () => []);
    const equals = async (_: unknown, id: string) => {
      if (id !== 'key of b') throw new Error('unknown');
      return [vote, none];
    };
    const modules = { WAWebPollsVotesSchema: { getTable: () => ({ equals }) } };
    const known = window.require;
    Object.assign(window, {
      require: (name: string) => modules[name as keyof typeof modules] ?? known(name),
    });
    const told = await readChat('49@c.us', { offset: 0, limit: 10 }, []);
    expect(told.map(({ votes }) => votes)).toEqual([
      [
        expect.objectContaining({ voter: '1@c.us', choices: [1, 0], at: 5_000 }),
        expect.objectContaining({ voter: '2@c.us', choices: [], at: 6_000 }),
      ],
      undefined,
      undefined,
    ]);
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
  const ids = [
    new Wid('49@c.us', 'none'),
    new Wid('1@g.us', '$1'),
    { _serialized: '2@lid' },
    new Wid('5@newsletter'),
  ];
  const chats = ids.map((id) => ({ id, t: 1 }));
  openConnectedPage({ WAWebCollections: { Chat: { getModelsArray: () => chats } } });
  expect(listChats().map(({ pageChatId }) => pageChatId)).toEqual(['49@c.us', '1@g.us', '2@lid']);
});

it.each([
  [{ t: 5 }, [], 5],
  [{ t: 5 }, [7, 6], 7],
  [{ t: 9 }, [7, 6], 9],
  [{ t: 0 }, [6, undefined], 6],
  [{}, [7], 7],
  [{ t: null }, [], 0],
  [{ t: 'soon' }, [], 0],
])('dates a chat %j with messages of %j by the later of both: %i', (chat, times, t) => {
  const messages = times.map((at) => ({ id: { id: String(at) }, t: at }));
  const listed = { id: new Wid('49@c.us'), ...chat, msgs: { getModelsArray: () => messages } };
  openConnectedPage({ WAWebCollections: { Chat: { getModelsArray: () => [listed] } } });
  expect(listChats()).toMatchObject([{ t }]);
});

it('marks a chat by its newest message and by what is unread', () => {
  const chat = (last: object, unreadCount = 0) => ({
    id: new Wid('49@c.us'),
    t: 1,
    unreadCount,
    msgs: { getModelsArray: () => [last, { id: { id: 'older' }, t: 1 }] },
  });
  const last = { id: { id: 'A' }, t: 2, ack: 1, type: 'chat' };
  const marks = [
    chat(last),
    chat({ ...last, ack: 3 }),
    chat({ ...last, type: 'revoked' }),
    chat({ ...last, latestEditSenderTimestampMs: 9 }),
    chat({ ...last, hasReaction: true }),
    chat(last, 1),
  ].map((each) => {
    openConnectedPage({ WAWebCollections: { Chat: { getModelsArray: () => [each] } } });
    return listChats()[0]?.mark;
  });
  expect(new Set(marks).size).toBe(marks.length);
});
