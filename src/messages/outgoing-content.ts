import type { OutgoingContent } from '../channels/channel.ts';
import { AppError } from '../lib/errors.ts';
import type { SendRequest } from './send-request.ts';
import type { MediaKind, StoredContent, StoredMedia } from './stored-content.ts';

type RequestContent = SendRequest['content'];
/** Requested content whose media, if any, has been taken in. */
export type TakenContent =
  | Exclude<RequestContent, { kind: 'media' }>
  | {
      readonly kind: 'media';
      readonly caption: string | null;
      readonly as: MediaKind;
      readonly stored: StoredMedia;
    };

/** What is asked to be sent, as its row will keep it. */
export function contentToStored(content: TakenContent): StoredContent {
  const empty = { text: null, caption: null, payload: null, media: null };
  switch (content.kind) {
    case 'text':
      return { ...empty, type: 'text', text: content.text };
    case 'media':
      return { ...empty, type: content.as, caption: content.caption, media: content.stored };
    case 'location': {
      const { kind: _, ...location } = content;
      return { ...empty, type: 'location', payload: { location } };
    }
    case 'contact':
      return {
        ...empty,
        type: 'contact',
        payload: { contacts: [{ name: content.name, vcard: content.vcard }] },
      };
    case 'poll': {
      const { kind: _, ...poll } = content;
      return { ...empty, type: 'poll', payload: { poll } };
    }
    default:
      return content satisfies never;
  }
}

/**
 * What a row keeps, as a channel takes it; `mediaPath` is the absolute path of its file, if it has one.
 * @throws AppError SEND_REFUSED if the row's kind cannot be sent or lacks what its kind needs
 */
export function storedToContent(stored: StoredContent, mediaPath: string | null): OutgoingContent {
  const { type, payload } = stored;
  switch (type) {
    case 'text':
      return { kind: 'text', text: stored.text ?? '' };
    case 'image':
    case 'video':
    case 'audio':
    case 'voice':
    case 'document':
    case 'sticker': {
      const { mimeType, fileName } = stored.media ?? missing('media');
      return {
        kind: 'media',
        path: mediaPath ?? missing('file'),
        mimeType,
        fileName,
        caption: stored.caption,
        as: type,
      };
    }
    case 'location':
      return { kind: 'location', ...(payload?.location ?? missing('location')) };
    case 'contact':
      return { kind: 'contact', ...(payload?.contacts?.[0] ?? missing('contact')) };
    case 'poll':
      return { kind: 'poll', ...(payload?.poll ?? missing('poll')) };
    case 'revoked':
    case 'other':
      throw new AppError('SEND_REFUSED', { message: 'A message of this kind cannot be sent.' });
    default:
      return type satisfies never;
  }
}

function missing(what: string): never {
  throw new AppError('SEND_REFUSED', { message: `The stored message lacks its ${what}.` });
}
