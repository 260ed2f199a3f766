import { afterEach, describe, expect, it } from 'vitest';
import type { PageNews } from '../../../../src/channels/whatsapp-web/page-model.ts';
import { installSeen } from '../../../../src/channels/whatsapp-web/page-seen.ts';
import { closeStrangePage, openConnectedPage, Wid } from '../../../support/strange-page.ts';

afterEach(closeStrangePage);

const settle = () => new Promise((resolve) => setTimeout(resolve, 60));

const message = (id: string, t: number, over: object = {}) => ({
  id: { id, remote: new Wid('49@c.us'), fromMe: false },
  t,
  type: 'chat',
  body: 'x'.repeat(1_000),
  ...over,
});
const mine = (id: string, t: number) => message(id, t, { id: { id, fromMe: true } });

class FakeChat {
  readonly id = new Wid('49@c.us');
  readonly msgs: { getModelsArray(): object[] };
  unreadCount: unknown;
  constructor(messages: readonly object[], unreadCount: unknown) {
    this.msgs = { getModelsArray: () => [...messages] };
    this.unreadCount = unreadCount;
  }
  /** What the library's listener does. */
  count(unreadCount: unknown): void {
    this.unreadCount = unreadCount;
    (window as unknown as { onChatUnreadCountEvent(chat: object): void }).onChatUnreadCountEvent(this);
  }
}

function open(chats: readonly FakeChat[]) {
  const adding: ((chat: FakeChat) => void)[] = [];
  const Chat = {
    getModelsArray: () => [...chats],
    on: (event: string, listener: (chat: FakeChat) => void) => event === 'add' && adding.push(listener),
  };
  const { told } = openConnectedPage({ WAWebCollections: { Chat } });
  installSeen(['call_log']);
  return { told, add: (chat: FakeChat) => adding.forEach((listener) => void listener(chat)) };
}

const seen = (told: readonly PageNews[]) =>
  told.flatMap((news) =>
    news.kind === 'ack' ? `${(news.message.id as { id: string }).id} ${news.ack}` : [],
  );

describe('the count of what is unread in a chat', () => {
  it.each<[string, unknown, unknown[], string[]]>([
    ['falls to nothing', 2, [0], ['c 3', 'e 3']],
    ['falls by one: the oldest was seen', 2, [1], ['c 3']],
    ['falls step by step', 3, [2, 0], ['a 3', 'c 3', 'e 3']],
    ['falls below what is loaded', 9, [0], ['a 3', 'c 3', 'e 3']],
    ['falls within what is not loaded', 9, [5], []],
    ['falls from what is not loaded into it', 9, [2], ['a 3']],
    ['rises', 0, [1, 2], []],
    ['rises and falls', 0, [1, 0], ['e 3']],
    ['stays', 2, [2], []],
    ['is set to marked as unread, and back', 0, [-1, 0], []],
    ['is set to marked as unread before all is seen', 2, [-1, 0], ['c 3', 'e 3']],
    ['comes as no number', 2, [undefined, Number.NaN], []],
    ['falls where it was none', undefined, [0], []],
  ])('%s', async (_, before, after, expected) => {
    const messages = [
      message('a', 1),
      mine('b', 2),
      message('c', 3),
      message('call', 4, { type: 'call_log' }),
      message('notice', 4, { isNotification: true }),
      message('e', 5),
    ];
    const chat = new FakeChat(messages, before);
    const { told } = open([chat]);
    for (const count of after) chat.count(count);
    await settle();
    expect(seen(told)).toEqual(expected);
  });

  it('is known of a chat that is added later', async () => {
    const { told, add } = open([]);
    const chat = new FakeChat([message('a', 1), message('b', 2)], 1);
    add(chat);
    chat.count(0);
    await settle();
    expect(seen(told)).toEqual(['b 3']);
  });

  it('goes by the times of the messages, in whatever order they were loaded', async () => {
    const chat = new FakeChat([message('b', 2), message('a', 1)], 1);
    const { told } = open([chat]);
    chat.count(0);
    await settle();
    expect(seen(told)).toEqual(['b 3']);
  });

  it('tells nothing of a message but its name and its chat', async () => {
    const chat = new FakeChat([message('a', 1)], 1);
    const { told } = open([chat]);
    chat.count(0);
    await settle();
    const id = { id: 'a', remote: { user: '49', server: 'c.us', _serialized: '49@c.us' }, fromMe: false };
    expect(told).toEqual([{ kind: 'ack', ack: 3, message: { id, type: 'chat', chatPhone: '49@c.us' } }]);
  });

  it('says nothing in a page that has no such lists', () => {
    openConnectedPage({ WAWebCollections: {} });
    expect(() => installSeen([])).not.toThrow();
  });
});
