import type { AccountId } from '../../src/accounts/ids.ts';
import type {
  ChatGlimpse,
  ChatListing,
  ConnectedSession,
  ContactGlimpse,
  MediaDownload,
  MessageGlimpse,
  OutgoingContent,
  PreparedSend,
} from '../../src/channels/channel.ts';
import { AppError } from '../../src/lib/errors.ts';
import type { MessageEvent } from '../../src/messages/inbound-event.ts';
import type { Ack } from '../../src/messages/message.ts';
import type { MessageKey } from '../../src/messages/whatsapp-key.ts';

/** A message as the fake network delivered it. */
export interface Carried {
  readonly bareId: string;
  readonly chatId: string;
  readonly content: OutgoingContent;
  readonly quoted: MessageKey | undefined;
}

/** WhatsApp's side: it counts an id once, however often it is given. */
export class FakeNetwork {
  readonly carried: Carried[] = [];
  /** Every id that it was given, repetitions too. */
  readonly given: string[] = [];
  #ids = 0;

  nextBareId(): string {
    this.#ids += 1;
    return `3EB0${String(this.#ids).padStart(6, '0')}`;
  }

  carry(message: Carried): void {
    this.given.push(message.bareId);
    if (this.carried.some((known) => known.bareId === message.bareId)) return;
    this.carried.push(message);
  }

  /** The texts that arrived in a chat, in order. */
  textsOf(chatId: string): string[] {
    return this.carried
      .filter((message) => message.chatId === chatId)
      .map(({ content }) => (content.kind === 'text' ? content.text : content.kind));
  }
}

/** What the page's profile keeps beyond a restart of the browser: bare ids and their acks. */
export type PageStore = Map<string, Ack>;

/** Where a test steps in; a hook that never settles is a page that hangs. */
export interface PageScript {
  readonly onPrepare?: (to: string) => Promise<void> | void;
  /** Before the page has taken the message. */
  readonly onSend?: (prepared: PreparedSend, content: OutgoingContent) => Promise<void> | void;
  /** After the page and the network have it, before the caller is told. */
  readonly onSent?: (prepared: PreparedSend, content: OutgoingContent) => Promise<void> | void;
  /** The page makes its line anew. */
  readonly onRenewLine?: () => Promise<void> | void;
  readonly onFind?: (prepared: PreparedSend) => Promise<void> | void;
  /** The ack that the page shows when it has taken a message; 1 if not given. */
  readonly ack?: Ack;
  /** Why WhatsApp refused it, where the ack says that it did. */
  readonly reason?: string;
  /** What recipients turn out to be called. */
  readonly canonical?: Readonly<Record<string, string>>;
  /** How the page names those chats in the keys of their messages. */
  readonly lids?: Readonly<Record<string, string>>;
}

/** A connected session on the fake network; good unless a hook makes it bad. */
export class NetworkSession implements ConnectedSession {
  readonly accountId: AccountId;
  readonly page: PageStore;
  readonly #network: FakeNetwork;
  readonly #script: PageScript;
  readonly #waiters = new Map<string, PromiseWithResolvers<void>>();

  constructor(
    accountId: AccountId,
    world: { readonly network: FakeNetwork; readonly page: PageStore },
    script: PageScript = {},
  ) {
    this.accountId = accountId;
    this.page = world.page;
    this.#network = world.network;
    this.#script = script;
  }

  async prepareSend(to: string): Promise<PreparedSend> {
    this.#waiters.get(to)?.resolve();
    this.#waiters.delete(to);
    await this.#script.onPrepare?.(to);
    const chatId = this.#script.canonical?.[to] ?? to;
    const bareId = this.#network.nextBareId();
    const inKey = this.#script.lids?.[chatId] ?? chatId;
    return { chatId, key: { fromMe: true, chatId: inKey, bareId, participant: null } };
  }

  async send(
    prepared: PreparedSend,
    content: OutgoingContent,
    options: { readonly quoted?: MessageKey },
  ): Promise<MessageGlimpse> {
    await this.#script.onSend?.(prepared, content);
    const ack = this.#script.ack ?? 1;
    const { bareId } = prepared.key;
    this.page.set(bareId, ack);
    this.#network.carry({ bareId, chatId: prepared.chatId, content, quoted: options.quoted });
    await this.#script.onSent?.(prepared, content);
    return this.#glimpse(prepared, ack);
  }

  async findMessage(prepared: PreparedSend): Promise<MessageGlimpse | undefined> {
    await this.#script.onFind?.(prepared);
    const ack = this.page.get(prepared.key.bareId);
    return ack === undefined ? undefined : this.#glimpse(prepared, ack);
  }

  async renewLine(): Promise<void> {
    await this.#script.onRenewLine?.();
  }

  #glimpse({ key }: PreparedSend, ack: Ack): MessageGlimpse {
    return { key, ack, reason: ack === -1 ? (this.#script.reason ?? null) : null };
  }

  /** Resolves when the sender asks for this recipient the next time. */
  asked(to: string): Promise<void> {
    const waiter = this.#waiters.get(to) ?? Promise.withResolvers<void>();
    this.#waiters.set(to, waiter);
    return waiter.promise;
  }

  async downloadMedia(): Promise<MediaDownload> {
    return { status: 'gone' };
  }

  async listChats(): Promise<readonly ChatGlimpse[]> {
    return [];
  }

  async readChat(): Promise<readonly MessageEvent[]> {
    return [];
  }

  async react(): Promise<void> {
    throw new AppError('SESSION_FAULT');
  }

  async readContacts(): Promise<readonly ContactGlimpse[]> {
    return [];
  }

  async readChatList(): Promise<readonly ChatListing[]> {
    return [];
  }
}
