import { describe, expect, it } from 'vitest';
import type { OutgoingContent } from '../../../src/channels/channel.ts';
import {
  contentToStored,
  storedToContent,
  type TakenContent,
} from '../../../src/messages/outgoing-content.ts';

const file = { sha256: 'ab', mimeType: 'image/png', fileName: 'a.png', fileSize: 7 };

describe('the content of an outgoing message', () => {
  it.each<{ title: string; taken: TakenContent; content: OutgoingContent }>([
    {
      title: 'text',
      taken: { kind: 'text', text: 'hi' },
      content: { kind: 'text', text: 'hi' },
    },
    {
      title: 'media, by the path of its file',
      taken: { kind: 'media', caption: 'look', as: 'image', stored: file },
      content: {
        kind: 'media',
        path: '/media/ab',
        mimeType: 'image/png',
        fileName: 'a.png',
        caption: 'look',
        as: 'image',
      },
    },
    {
      title: 'a voice note without caption',
      taken: { kind: 'media', caption: null, as: 'voice', stored: { ...file, mimeType: 'audio/ogg' } },
      content: {
        kind: 'media',
        path: '/media/ab',
        mimeType: 'audio/ogg',
        fileName: 'a.png',
        caption: null,
        as: 'voice',
      },
    },
    {
      title: 'a location',
      taken: { kind: 'location', latitude: 1.5, longitude: -2, name: 'Here' },
      content: { kind: 'location', latitude: 1.5, longitude: -2, name: 'Here' },
    },
    {
      title: 'a contact',
      taken: { kind: 'contact', name: 'Bob', vcard: 'BEGIN:VCARD' },
      content: { kind: 'contact', name: 'Bob', vcard: 'BEGIN:VCARD' },
    },
    {
      title: 'a poll',
      taken: { kind: 'poll', question: 'When?', options: ['now', 'later'], multipleAnswers: true },
      content: { kind: 'poll', question: 'When?', options: ['now', 'later'], multipleAnswers: true },
    },
  ])('comes out of its row as it went in: $title', ({ taken, content }) => {
    const stored = JSON.parse(JSON.stringify(contentToStored(taken)));
    expect(storedToContent(stored, stored.media && '/media/ab')).toEqual(content);
  });

  it('is refused if the row lacks what its type needs', () => {
    const stored = { type: 'image', text: null, caption: null, payload: null, media: null } as const;
    for (const media of [null, file]) {
      expect(() => storedToContent({ ...stored, media }, null)).toThrow(
        expect.objectContaining({ code: 'SEND_REFUSED' }),
      );
    }
  });
});
