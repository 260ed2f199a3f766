import type { MessageKey } from '../../messages/whatsapp-key.ts';
import type { OutgoingContent, OutgoingMedia, PreparedSend } from '../channel.ts';
import { keyToPageKey } from './page-key.ts';
import type { PageSend } from './page-sends.ts';

/** The library's send options for a content (its Client.sendMessage builds the same from its own classes). */
export function contentToPageSend(
  prepared: PreparedSend,
  content: OutgoingContent,
  quoted: MessageKey | undefined,
): PageSend {
  const base = {
    pageChatId: prepared.key.chatId,
    key: keyToPageKey(prepared.key, prepared.chatId),
    text: '',
    options: {},
    fields: {},
    quoted: quoted ? keyToPageKey(quoted, prepared.chatId) : null,
  };
  switch (content.kind) {
    case 'text':
      return { ...base, text: content.text };
    case 'media':
      return { ...base, options: mediaOptions(content) };
    case 'location': {
      const description = [content.name, content.address].filter(Boolean).join('\n');
      const { latitude, longitude, url } = content;
      return {
        ...base,
        options: { location: { latitude, longitude, description, url: url ?? '' } },
      };
    }
    case 'contact':
      return {
        ...base,
        text: content.vcard,
        fields: { type: 'vcard', vcardFormattedName: content.name, body: content.vcard },
      };
    case 'poll': {
      const poll = {
        pollName: content.question,
        pollOptions: content.options.map((name, localId) => ({ name, localId })),
        options: { allowMultipleAnswers: content.multipleAnswers },
      };
      return { ...base, options: { poll } };
    }
    default:
      return content satisfies never;
  }
}

/** The file is not among them: it is in the page before (see page-file.ts). */
function mediaOptions(content: OutgoingMedia): Record<string, unknown> {
  return {
    ...(content.caption === null ? {} : { caption: content.caption, isCaptionByUser: true }),
    sendMediaAsDocument: content.as === 'document',
    sendAudioAsVoice: content.as === 'voice',
    sendMediaAsSticker: content.as === 'sticker',
  };
}
