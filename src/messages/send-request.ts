import type { MessageContact, MessageLocation, MessagePoll } from './message.ts';

/** Where the bytes of an outgoing media message come from. `data` is base64. */
export type MediaSource =
  | { readonly from: 'url'; readonly url: string }
  | { readonly from: 'data'; readonly data: string; readonly mimeType: string }
  | { readonly from: 'upload'; readonly mediaId: string };

/** What an application asks to be sent, its shape checked but nothing resolved yet. */
export interface SendRequest {
  /** A chat id, as `parseRecipient` makes it. */
  readonly to: string;
  readonly content:
    | { readonly kind: 'text'; readonly text: string }
    | {
        readonly kind: 'media';
        readonly source: MediaSource;
        readonly caption: string | null;
        readonly fileName: string | null;
        /** Set if the application insists on a kind; otherwise it follows from the MIME type. */
        readonly as: 'image' | 'video' | 'audio' | 'voice' | 'document' | 'sticker' | null;
      }
    | ({ readonly kind: 'location' } & MessageLocation)
    | ({ readonly kind: 'contact' } & MessageContact)
    | ({ readonly kind: 'poll' } & MessagePoll);
  /** A message of the same account: our id, WhatsApp's serialised key or its bare id. */
  readonly replyTo: string | null;
  readonly onLimit: 'reject' | 'defer';
}
