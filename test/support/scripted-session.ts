import type { AccountId } from '../../src/accounts/ids.ts';
import type {
  ChatGlimpse,
  ChatListing,
  ConnectedSession,
  ContactGlimpse,
  ListRange,
  MediaDownload,
  PreparedSend,
} from '../../src/channels/channel.ts';
import { AppError } from '../../src/lib/errors.ts';
import type { MessageEvent, ReadMessage, ReadPlace } from '../../src/messages/inbound-event.ts';

/** A text message that came in; everything can be overridden. */
export function makeMessage(
  chatId: string,
  bareId: string,
  at: number,
  over: Partial<MessageEvent> = {},
): MessageEvent {
  return {
    kind: 'message',
    key: { fromMe: false, chatId, bareId, participant: null },
    chatId,
    at,
    type: 'text',
    nativeType: 'chat',
    text: `text of ${bareId}`,
    caption: null,
    author: chatId,
    authorName: null,
    ack: 1,
    ackReason: null,
    media: null,
    location: null,
    contacts: null,
    poll: null,
    quoted: null,
    mentions: [],
    forwarded: false,
    editedAt: null,
    recovered: false,
    ...over,
  };
}

/**
 * A session whose page is an array a chat, newest last, that the test changes as it likes, also while it is read:
 * `onRead` is called before each page with the count of pages so far, and what it throws is the page's answer.
 */
export class ScriptedSession implements ConnectedSession {
  readonly accountId: AccountId;
  readonly chats = new Map<string, ReadPlace[]>();
  /** Answers by bare id, one after another; the last one stays. */
  readonly downloads = new Map<string, (MediaDownload | Error | Promise<MediaDownload>)[]>();
  readonly downloaded: string[] = [];
  readonly pagesRead: { chatId: string; offset: number }[] = [];
  readonly reacted: { bareId: string; emoji: string }[] = [];
  /** Before the page takes a reaction. */
  onReact: () => Promise<void> | void = () => undefined;
  contacts: ContactGlimpse[] = [];
  chatList: ChatListing[] = [];
  /** Before each part of the contacts and of the list of chats is read. */
  onDirectory: () => void = () => undefined;
  onRead: (count: number) => void = () => undefined;
  onList: () => void = () => undefined;
  largestPage = 0;

  constructor(accountId: AccountId) {
    this.accountId = accountId;
  }

  receive(...messages: ReadMessage[]): void {
    for (const message of messages) {
      const chat = this.chats.get(message.chatId);
      if (chat === undefined) this.chats.set(message.chatId, [message]);
      else chat.push(message);
    }
  }

  async listChats(): Promise<readonly ChatGlimpse[]> {
    this.onList();
    return [...this.chats].map(([chatId, messages]) => ({
      pageChatId: chatId,
      chatId,
      lastMessageAt: messages.at(-1)?.at ?? 0,
      mark: JSON.stringify(messages.at(-1) ?? null),
    }));
  }

  async readChat(chatId: string, { offset, limit }: { offset: number; limit: number }) {
    this.pagesRead.push({ chatId, offset });
    this.onRead(this.pagesRead.length);
    const newestFirst = (this.chats.get(chatId) ?? []).toReversed();
    return newestFirst.slice(offset, offset + limit);
  }

  async downloadMedia({ bareId }: { bareId: string }): Promise<MediaDownload> {
    this.downloaded.push(bareId);
    const answers = this.downloads.get(bareId) ?? [];
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === undefined) return { status: 'gone' };
    if (answer instanceof Error) throw answer;
    return answer;
  }

  async prepareSend(): Promise<never> {
    throw new AppError('SESSION_FAULT');
  }

  async send(): Promise<never> {
    throw new AppError('SESSION_FAULT');
  }

  async findMessage(): Promise<undefined> {
    return undefined;
  }

  async react({ key }: PreparedSend, emoji: string): Promise<void> {
    await this.onReact();
    this.reacted.push({ bareId: key.bareId, emoji });
  }

  async readContacts(range: ListRange): Promise<readonly ContactGlimpse[]> {
    this.onDirectory();
    return pick(this.contacts, range, ({ pageContactId }) => pageContactId);
  }

  async readChatList(range: ListRange): Promise<readonly ChatListing[]> {
    this.onDirectory();
    return pick(this.chatList, range, ({ pageChatId }) => pageChatId);
  }
}

function pick<Item>(
  items: readonly Item[],
  { after, limit }: ListRange,
  idOf: (item: Item) => string,
): Item[] {
  return items
    .filter((item) => after === null || idOf(item) > after)
    .sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1))
    .slice(0, limit);
}
