import type { Ack, MessageContact, MessageLocation, MessagePoll, MessageType } from './message.ts';
import type { MessageKey } from './whatsapp-key.ts';

/**
 * What a channel tells about messages: plain JSON, so that it can lie in a queue. One account's events are
 * handled in the order in which its page told them.
 *
 * `chatId` is the canonical chat: the phone-number form of the chat wherever the page knows it, else the chat's id
 * as in the key. Together with the bare id it names the message in both address dialects (fact A16).
 */
export interface EventTarget {
  readonly key: MessageKey;
  readonly chatId: string;
}

/** Media of a message, as far as the message itself tells; the bytes follow in a `media` event. */
export interface AnnouncedMedia {
  readonly mimeType: string | null;
  readonly fileName: string | null;
  /** Bytes, as the sender's device declared them. */
  readonly fileSize: number | null;
}

/** A message, incoming or our own (sent here, or on the phone). Times are milliseconds since the epoch. */
export interface MessageEvent extends EventTarget {
  readonly kind: 'message';
  readonly at: number;
  readonly type: MessageType;
  /** WhatsApp's own name of the type, for what `type` calls `other`. */
  readonly nativeType: string;
  readonly text: string | null;
  readonly caption: string | null;
  /** Who wrote it: in groups the participant, else the other side; null for our own. Phone form where known. */
  readonly author: string | null;
  readonly authorName: string | null;
  readonly ack: Ack;
  /** WhatsApp's reason for a refusal (ack -1), if it told one. */
  readonly ackReason: string | null;
  readonly media: AnnouncedMedia | null;
  readonly location: MessageLocation | null;
  readonly contacts: readonly MessageContact[] | null;
  readonly poll: MessagePoll | null;
  /** Bare id and text of the message that this one answers. */
  readonly quoted: { readonly bareId: string; readonly text: string | null } | null;
  readonly mentions: readonly string[];
  readonly forwarded: boolean;
  /** When it was edited last, if it was before we saw it. */
  readonly editedAt: number | null;
  /** True if it was read back after an absence instead of told live. */
  readonly recovered: boolean;
}

/** A message as it is read back: with all reactions to it, if the page can tell them. */
export interface ReadMessage extends MessageEvent {
  readonly reactions?: readonly ReactionEvent[];
  /** Of a poll: the vote of each voter, if the page can tell them. */
  readonly votes?: readonly VoteEvent[];
}

/**
 * A message of a chat that cannot be read. It is told so that it keeps its place among those that are read back, and that a
 * page of them is not taken for the last one because of it.
 */
export interface UnreadablePlace {
  readonly kind: 'unreadable';
  /** A name that no message has, the same at each reading. */
  readonly key: { readonly bareId: string };
  readonly at: number;
  readonly reactions?: never;
  readonly votes?: never;
}

/** What stands at one place of a chat that is read back. */
export type ReadPlace = ReadMessage | UnreadablePlace;

/** How far a message of ours has come, or (for an incoming one) that it was seen. */
export interface AckEvent extends EventTarget {
  readonly kind: 'ack';
  readonly ack: Ack;
  /** WhatsApp's reason for a refusal (ack -1), if it told one. */
  readonly reason: string | null;
  readonly at: number;
}

/** A new text (or caption) of a message. */
export interface EditEvent extends EventTarget {
  readonly kind: 'edit';
  readonly text: string;
  readonly at: number;
}

/** A message was deleted for everyone. */
export interface RevokeEvent extends EventTarget {
  readonly kind: 'revoke';
  readonly at: number;
}

/** A reaction to the message `key`; an empty emoji takes the sender's reaction back. */
export interface ReactionEvent extends EventTarget {
  readonly kind: 'reaction';
  readonly senderId: string;
  readonly emoji: string;
  readonly at: number;
}

/**
 * What somebody chose in the poll `key`: the places of the options in it, from 0; none takes the vote back. A later vote of
 * the same person replaces the earlier.
 */
export interface VoteEvent extends EventTarget {
  readonly kind: 'vote';
  readonly voterId: string;
  readonly choices: readonly number[];
  readonly at: number;
}

/** The bytes of a message's media were stored, or turned out not to be had. */
export interface MediaEvent extends EventTarget {
  readonly kind: 'media';
  readonly result:
    | {
        readonly status: 'stored';
        /** Lower-case hex; also the file's name in the media store. */
        readonly sha256: string;
        readonly mimeType: string;
        readonly fileSize: number;
        readonly fileName: string | null;
      }
    | { readonly status: 'gone' | 'failed' };
  readonly at: number;
}

export type InboundEvent =
  | MessageEvent
  | AckEvent
  | EditEvent
  | RevokeEvent
  | ReactionEvent
  | VoteEvent
  | MediaEvent;
