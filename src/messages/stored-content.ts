import type { MessageContact, MessageLocation, MessagePoll, MessageType } from './message.ts';

/** What a file is sent as. */
export type MediaKind = Extract<MessageType, 'image' | 'video' | 'audio' | 'voice' | 'document' | 'sticker'>;

/** What an outgoing message needs beside its text; the shape of `messages.payload`. */
export interface OutgoingPayload {
  readonly location?: MessageLocation;
  readonly contacts?: readonly MessageContact[];
  readonly poll?: MessagePoll;
}

/** Media that is in the media store, ready to be sent. */
export interface StoredMedia {
  /** Lower-case hex; also the file's name. */
  readonly sha256: string;
  readonly mimeType: string;
  readonly fileName: string | null;
  /** Bytes. */
  readonly fileSize: number;
}

/** Content of an outgoing message as its row keeps it. */
export interface StoredContent {
  readonly type: MessageType;
  readonly text: string | null;
  readonly caption: string | null;
  readonly payload: OutgoingPayload | null;
  readonly media: StoredMedia | null;
}
