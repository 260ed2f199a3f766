import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { keyToString, type MessageKey } from '../../messages/whatsapp-key.ts';
import type { OutgoingContent, PreparedSend } from '../channel.ts';
import { keyToPageKey } from './page-key.ts';
import type { PageSend } from './page-sends.ts';

/** The library's send options for a content (its Client.sendMessage builds the same from its own classes). */
export async function contentToPageSend(
  prepared: PreparedSend,
  content: OutgoingContent,
  quoted: MessageKey | undefined,
): Promise<PageSend> {
  const base = {
    pageChatId: prepared.key.chatId,
    key: keyToPageKey(prepared.key, prepared.chatId),
    text: '',
    options: quoted ? { quotedMessageId: keyToString(quoted), ignoreQuoteErrors: true } : {},
    fields: {},
  };
  switch (content.kind) {
    case 'text':
      return { ...base, text: content.text };
    case 'media':
      return { ...base, options: { ...base.options, ...(await mediaOptions(content)) } };
    case 'location': {
      const description = [content.name, content.address].filter(Boolean).join('\n');
      const { latitude, longitude, url } = content;
      return {
        ...base,
        options: { ...base.options, location: { latitude, longitude, description, url: url ?? '' } },
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
      return { ...base, options: { ...base.options, poll } };
    }
    default:
      return content satisfies never;
  }
}

async function mediaOptions(
  content: Extract<OutgoingContent, { kind: 'media' }>,
): Promise<Record<string, unknown>> {
  const bytes = await readFile(content.path);
  return {
    media: {
      mimetype: content.mimeType,
      data: bytes.toString('base64'),
      filename: content.fileName ?? basename(content.path),
      filesize: bytes.length,
    },
    ...(content.caption === null ? {} : { caption: content.caption, isCaptionByUser: true }),
    sendMediaAsDocument: content.as === 'document',
    sendAudioAsVoice: content.as === 'voice',
    sendMediaAsSticker: content.as === 'sticker',
  };
}
