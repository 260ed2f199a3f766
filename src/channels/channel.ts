import type { Account, SessionAlert, SessionChange } from '../accounts/account.ts';
import type { AccountId } from '../accounts/ids.ts';
import type { Capping } from '../limits/capping.ts';
import type { InboundEvent, ReadPlace } from '../messages/inbound-event.ts';
import type { Ack, MessageContact, MessageLocation, MessagePoll } from '../messages/message.ts';
import type { MessageKey } from '../messages/whatsapp-key.ts';

/**
 * The contract between a channel (WhatsApp Web today) and the rest: what a channel can be asked to do for an
 * account, and what it tells about it. Nothing of a vendor passes through here.
 */
export interface Channel {
  /**
   * Wants the account connected; resolves as soon as a slot is reserved, long before it is connected.
   * `fresh` throws away what is left of an earlier link, so that a new QR code appears.
   * @throws AppError POOL_FULL
   */
  start(accountId: AccountId, options?: { readonly fresh?: boolean }): Promise<void>;

  /** Logs the device out if it can, closes the browser and deletes the profile. Safe to call again. */
  disconnect(accountId: AccountId): Promise<void>;

  /** Ends the session without logging its device out; it is sealed and not started again by itself. Safe to call again. */
  release(accountId: AccountId): Promise<void>;

  /** Forgets the link for good without logging the device out, which lives on elsewhere. Safe to call again. */
  abandon(accountId: AccountId): Promise<void>;

  /**
   * Reacts to a message in the name of a connected account: see ConnectedSession.
   * @throws AppError ACCOUNT_NOT_CONNECTED, MESSAGE_NOT_REACTABLE; SESSION_DEADLINE or SESSION_FAULT if the page did not do it
   */
  react(accountId: AccountId, message: PreparedSend, emoji: string): Promise<void>;

  /** The session of an account, if it is connected on this instance now. */
  findConnected(accountId: AccountId): ConnectedSession | undefined;

  /** What is known of a session on this instance now, for the health route. */
  findStatus(accountId: AccountId): SessionStatus | undefined;
}

export interface SessionStatus {
  readonly isClientActive: boolean;
  readonly clientInfo: {
    readonly wid: { readonly user: string; readonly server: string };
    readonly pushname: string;
  } | null;
  readonly lastError: string | null;
  readonly reconnect: {
    readonly attempt: number;
    /** Lives in a row that ended without having been connected. */
    readonly failures: number;
    readonly nextAt: number | null;
  } | null;
}

/** What a channel tells. Handlers return at once and never throw; an account's calls come in its page's order. */
export interface ChannelListener {
  /** Messages and changes, in the page's order. */
  onEvents(accountId: AccountId, events: readonly InboundEvent[]): void;

  /**
   * Resolves when more events of the account may be told; a page that waits for it keeps what it has. Never rejects. Without
   * it there is always room.
   */
  whenRoom?(accountId: AccountId): Promise<void>;

  /** The page dropped events of the account, and goes on with those after them: it has to be read back. */
  onGap?(accountId: AccountId): void;

  /** The line of a connected account, which was down, is up again. */
  onLineBack?(accountId: AccountId): void;

  /** The account has just become connected; `signal` aborts when it no longer is. Called at each connection. */
  onConnected(session: ConnectedSession, signal: AbortSignal): void;

  /** A QR code is to be shown for the account, or (null) no longer. */
  onQr?(account: Account, qr: string | null): void;

  /** A pairing code is to be typed on the account's phone, or (null) no longer. */
  onPairingCode?(account: Account, code: string | null): void;

  /** The account's state has changed, and is stored. */
  onState?(accountId: AccountId, change: SessionChange): void;

  /** A person must hear of the account; it is stored. */
  onAlert?(accountId: AccountId, alert: SessionAlert): void;
}

export interface OutgoingMedia {
  readonly kind: 'media';
  /** Absolute path of the file to send. It is there, and the same, until the send has settled. */
  readonly path: string;
  readonly mimeType: string;
  readonly fileName: string | null;
  readonly caption: string | null;
  readonly as: 'image' | 'video' | 'audio' | 'voice' | 'document' | 'sticker';
}

/** Content of an outgoing message. */
export type OutgoingContent =
  | { readonly kind: 'text'; readonly text: string }
  | OutgoingMedia
  | ({ readonly kind: 'location' } & MessageLocation)
  | ({ readonly kind: 'contact' } & MessageContact)
  | ({ readonly kind: 'poll' } & MessagePoll);

/** A send that has its name already: written down before it is handed over, so that a crash can be cleared up. */
export interface PreparedSend {
  readonly key: MessageKey;
  /** The canonical chat (see EventTarget). */
  readonly chatId: string;
}

/** What the page knows of one message. */
export interface MessageGlimpse {
  readonly key: MessageKey;
  readonly ack: Ack;
  /** WhatsApp's reason for a refusal (ack -1), if the page knows one. */
  readonly reason: string | null;
}

/** Bytes of a message's media, or why there are none: `later` means that the sender's phone uploads it again. */
export type MediaDownload =
  | {
      readonly status: 'bytes';
      /** In pieces, each with a deadline of its own. The page holds the file until they are read, or reading is ended. */
      readonly bytes: AsyncIterable<Uint8Array>;
      readonly mimeType: string | null;
      readonly fileName: string | null;
    }
  | { readonly status: 'gone' | 'later' };

/** A chat of the page, for reading back. */
export interface ChatGlimpse {
  /** The chat's id in the page. */
  readonly pageChatId: string;
  readonly chatId: string;
  /** Milliseconds since the epoch of its last message; 0 if that is not known. */
  readonly lastMessageAt: number;
  /** Another text whenever the last message is another or was acknowledged, edited, revoked or reacted to. */
  readonly mark: string;
}

/** Somebody whom the page knows, under one of their addresses. */
export interface ContactGlimpse {
  readonly pageContactId: string;
  /** Their ids by LID and by number, as far as the page knows them. */
  readonly lid: string | null;
  readonly phone: string | null;
  /** In the phone's address book. */
  readonly name: string | null;
  readonly pushName: string | null;
  readonly isBusiness: boolean;
  /** The account's own entry. */
  readonly isMe: boolean;
}

/** A chat of the page, for the list of chats. */
export interface ChatListing {
  readonly pageChatId: string;
  readonly chatId: string;
  /** Milliseconds since the epoch of its last message; 0 if it has none. */
  readonly lastMessageAt: number;
  readonly name: string | null;
  readonly unread: number;
}

/** The part of a list of the page after an id, in the order of ids; fewer than `limit` means that there are no more. */
export interface ListRange {
  readonly after: string | null;
  readonly limit: number;
}

/**
 * A connected account. Every call has its own deadline and rejects with an AppError: SESSION_DEADLINE or
 * SESSION_FAULT if the page does not do it, and the code that is named beside the call.
 */
export interface ConnectedSession {
  readonly accountId: AccountId;

  /**
   * Resolves the recipient and chooses the message's id; nothing is sent.
   * @throws AppError NOT_ON_WHATSAPP, SEND_REFUSED (the page opens no chat with it now)
   */
  prepareSend(to: string): Promise<PreparedSend>;

  /**
   * Hands the message to the page under its prepared id. Resolves when the page has taken it, which is before
   * WhatsApp's server has it (fact A15). The same id may be handed over again: WhatsApp counts it once.
   * @throws AppError SEND_REFUSED (the page threw and does not hold it: nothing left), SEND_WITHHELD (the page was not given
   * it: nothing left), SEND_OUTCOME_UNKNOWN (it may have left)
   */
  send(
    prepared: PreparedSend,
    content: OutgoingContent,
    options: { readonly quoted?: MessageKey },
  ): Promise<MessageGlimpse>;

  /** Looks a message up in the page, by its bare id in both address dialects. */
  findMessage(prepared: PreparedSend): Promise<MessageGlimpse | undefined>;

  /**
   * Reacts to a message, or takes the reaction back (empty emoji). Resolves when the page has given it to WhatsApp. It may
   * be repeated: a person has one reaction to a message, the latest.
   * @throws AppError MESSAGE_NOT_REACTABLE if the page does not have the message, or nobody can react to it
   */
  react(message: PreparedSend, emoji: string): Promise<void>;

  /**
   * What WhatsApp tells the page of its limits for writing to people who never wrote (fact A25); undefined where it tells
   * nothing. Absent where the channel cannot ask.
   */
  readCapping?(): Promise<Capping | undefined>;

  /**
   * Has the page make its line to WhatsApp anew, over which it sends again what was not confirmed; resolves when it has
   * begun. Absent where the channel has none.
   */
  renewLine?(): Promise<void>;

  /** Fetches the media of a message, whose bytes are then to be read; heavy, one file at a time per page (fact A18). */
  downloadMedia(key: MessageKey): Promise<MediaDownload>;

  /** Whom the page knows; heavy. */
  readContacts(range: ListRange): Promise<readonly ContactGlimpse[]>;

  /** The page's chats as its list shows them; heavy. */
  readChatList(range: ListRange): Promise<readonly ChatListing[]>;

  /** All chats of the page, latest first. */
  listChats(): Promise<readonly ChatGlimpse[]>;

  /**
   * Messages of a chat from the page's own store, newest first: `limit` of them after skipping `offset`. Older
   * ones are loaded as needed; fewer than `limit` means that there are no more. One that cannot be read keeps its place.
   */
  readChat(
    pageChatId: string,
    range: { readonly offset: number; readonly limit: number },
  ): Promise<readonly ReadPlace[]>;
}
