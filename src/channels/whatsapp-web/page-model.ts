/**
 * What crosses from the page into Node: plain JSON, picked field by field in the page, so that thumbnails, media
 * keys and whatever else a model carries never leave it. Keys and ids still come in the page's own dialect.
 */
export interface PageMessage {
  readonly id: unknown;
  /** The key of the message a revocation speaks of, where it is not `id`. */
  readonly revokedId?: unknown;
  readonly type: string;
  /** Seconds since the epoch. */
  readonly t?: number;
  readonly ack?: number;
  /** Why WhatsApp refused it, where the page knows. */
  readonly ackReason?: string;
  readonly body?: string;
  readonly caption?: string;
  readonly author?: unknown;
  readonly notifyName?: string;
  readonly mimetype?: string;
  readonly filename?: string;
  readonly size?: number;
  readonly lat?: number;
  readonly lng?: number;
  readonly loc?: string;
  readonly clientUrl?: string;
  readonly vcardFormattedName?: string;
  readonly vcardList?: readonly { readonly displayName?: string; readonly vcard?: string }[];
  readonly pollName?: string;
  readonly pollOptions?: readonly { readonly name?: string }[];
  readonly pollSelectableOptionsCount?: number;
  readonly quotedStanzaID?: string;
  readonly quotedText?: string;
  readonly mentionedJidList?: readonly unknown[];
  readonly isForwarded?: boolean;
  readonly latestEditSenderTimestampMs?: number;
  /** Every reaction to it, where it was read back and the page can tell. */
  readonly reactions?: readonly PageReaction[];
  /** The votes of a poll, where it was read back and the page can tell. */
  readonly votes?: readonly PageVote[];
  /** Phone-number form of the chat and of the author, where the page knows one for a LID. */
  readonly chatPhone?: string;
  readonly authorPhone?: string;
}

export interface PageReaction {
  readonly parentId: unknown;
  readonly sender: unknown;
  readonly senderPhone?: string;
  readonly chatPhone?: string;
  readonly emoji?: string;
  /** Milliseconds since the epoch. */
  readonly at?: number;
}

/** Where a reaction was met: as a row on its way into the page's table, or as a sender in the page's list of a message's. */
export type ReactionForm = 'row' | 'sender';

export interface PageVote {
  /** The poll. */
  readonly parentId: unknown;
  readonly voter: unknown;
  readonly voterPhone?: string;
  readonly chatPhone?: string;
  /** Places of the options in the poll, from 0. */
  readonly choices: readonly number[];
  /** Milliseconds since the epoch. */
  readonly at?: number;
}

/** One thing the page told, in the order in which it happened there. */
export type PageNews =
  | { readonly kind: 'message'; readonly message: PageMessage }
  | { readonly kind: 'ack'; readonly message: PageMessage; readonly ack: number; readonly reason?: string }
  | { readonly kind: 'edit'; readonly message: PageMessage }
  | { readonly kind: 'revoke'; readonly message: PageMessage }
  | { readonly kind: 'reaction'; readonly reaction: PageReaction }
  | { readonly kind: 'vote'; readonly vote: PageVote }
  | {
      readonly kind: 'socket';
      readonly state: string;
      readonly hasSynced: boolean;
      readonly hasIdentity: boolean;
    }
  | { readonly kind: 'logout' }
  | { readonly kind: 'storage-closed' }
  /** More happened than could be told: news from before what follows was dropped. */
  | { readonly kind: 'overflow' }
  | { readonly kind: 'passkey' };

export type SocketNews = Extract<PageNews, { kind: 'socket' }>;

/** What the page says about one message after a send or a look-up. */
export interface PageGlimpse {
  readonly id: unknown;
  readonly ack: number;
  /** Why WhatsApp refused it, where the page knows. */
  readonly reason?: string;
}

/** A message's key in parts, and the chats it may lie under. */
export interface PageKey {
  readonly fromMe: boolean;
  readonly bareId: string;
  readonly participant: string | null;
  readonly chatIds: readonly string[];
}

/** The helpers that the bridge leaves in the page for later calls. */
export interface Switchboard {
  pick(model: Record<string, unknown>): PageMessage;
  pickReaction(raw: Record<string, unknown>, form: ReactionForm): PageReaction;
  /** `poll` is its model where the caller has it. */
  pickVote(raw: Record<string, unknown>, poll?: PageModel): PageVote;
  /** An address as text, in whatever dialect it comes; undefined for what is none. */
  addressOf(wid: unknown): string | undefined;
  phoneOf(wid: unknown): string | undefined;
  /** What there is to say of a message after a send or a look-up. */
  glimpse(model: PageModel): PageGlimpse;
  /** What a message in the chat carries to answer another one; throws if it cannot be answered, or is undefined. */
  quote(quoted: PageModel | undefined, chat: PageModel): object;
  tell(news: PageNews): void;
  /** A key for a message of ours to a chat, made as the library makes it. */
  makeKey(chat: PageModel, bareId: string): object;
  /**
   * A message by its bare id under each of the chats it may lie under, in both address dialects; undefined if absent.
   * Rejects if the page's store could not be read, which says nothing.
   */
  find(key: PageKey): Promise<PageModel | undefined>;
  /** Loads the next older messages of a chat, and gives them; undefined if the page has no such part. */
  loadEarlier(chat: PageModel): Promise<readonly PageModel[] | undefined>;
  /** Messages of a chat, newest first; older ones are loaded as needed. */
  readBack(chat: PageModel, range: PageRange): Promise<PageModel[]>;
  /** True once injection into this document has begun; there is one a document, whatever navigates within it (F5). */
  injected: boolean;
  /** True once the library's listeners are being attached to this document; twice would double every event (F6). */
  listening: boolean;
  /** True once this document was asked for a pairing code: it is then not to be asked for another QR code. */
  linksByCode: boolean;
  /** Tells the socket's state as it is now; set once the page's code is there. */
  report: (() => void) | undefined;
  /** The line to WhatsApp; set before this document is sent to. */
  line: PageLine | undefined;
}

/** A part of a chat: `limit` messages after the `offset` newest, those of the types in `leftOut` not counted. */
export interface PageRange {
  readonly offset: number;
  readonly limit: number;
  readonly leftOut: readonly string[];
}

/** The page's line to WhatsApp, as far as the order of messages goes (see watchLine). */
export interface PageLine {
  /** Why nothing may be given to the page now; undefined if it may. */
  whyDown(): string | undefined;
  /** Waits until a message may be given to the page behind all earlier ones of its chat; resolves with why it may not be. */
  awaitTurn(chat: PageModel, bareId: string): Promise<string | undefined>;
}

/** A model of one of the page's collections, as little of it as is used here. */
export interface PageModel {
  readonly id: Record<string, unknown> & { isLid?: () => boolean; isGroup?: () => boolean };
  readonly t?: number;
  readonly ack?: number;
  readonly isNotification?: boolean;
  readonly [field: string]: unknown;
}

declare global {
  interface Window {
    switchboard?: Switchboard;
    /**
     * The helpers of a document that is connected. Throws in one that is not, or not yet: what it has, and what it lacks, says
     * nothing of the account (F3). Whatever is read from the page as a fact is read through this.
     */
    connectedSwitchboard: () => Switchboard;
    onChatUnreadCountEvent?: (chat: PageModel) => void;
    onPollVoteEvent?: (votes: readonly Record<string, unknown>[]) => void;
    switchboardTell?: (news: readonly PageNews[]) => Promise<void>;
    // biome-ignore lint/suspicious/noExplicitAny: the page's modules have no types; each use checks what it takes.
    require: (module: string) => any;
    // biome-ignore lint/suspicious/noExplicitAny: what the library puts into the page has no types either.
    WWebJS: any;
  }
}
