import { expect, it } from 'vitest';
import {
  bodyToSendRequest,
  requestToHash,
  type SendBody,
  sendBodySchema,
} from '../../../src/http/send-body.ts';
import { phoneNumberToVcard } from '../../../src/http/send-content.ts';
import type { SendRequest } from '../../../src/messages/send-request.ts';

const TO = '+491700000002';
const MEDIA = { kind: 'media', caption: null, fileName: null, as: null } as const;

function parse(body: object): SendRequest {
  return bodyToSendRequest(sendBodySchema.parse({ to: TO, ...body }) as SendBody);
}

it.each<[object, SendRequest['content']]>([
  [{ text: 'hi' }, { kind: 'text', text: 'hi' }],
  [
    { media: { url: 'https://a.example/b' } },
    { ...MEDIA, source: { from: 'url', url: 'https://a.example/b' } },
  ],
  [{ media: { mediaId: 'm' } }, { ...MEDIA, source: { from: 'upload', mediaId: 'm' } }],
  [
    { media: { data: 'AAAA', mimeType: 'image/png' }, caption: 'c', fileName: 'f' },
    { ...MEDIA, source: { from: 'data', data: 'AAAA', mimeType: 'image/png' }, caption: 'c', fileName: 'f' },
  ],
  [
    { mediaUrl: 'https://a.example/b', mediaType: 'voice' },
    { ...MEDIA, source: { from: 'url', url: 'https://a.example/b' }, as: 'voice' },
  ],
  [
    { mediaUrl: 'https://a.example/b', mediaType: 'image/jpeg' },
    { ...MEDIA, source: { from: 'url', url: 'https://a.example/b' } },
  ],
  [{ location: { latitude: 1, longitude: 2 } }, { kind: 'location', latitude: 1, longitude: 2 }],
  [
    { poll: { question: 'q', options: ['a', 'b'] } },
    { kind: 'poll', question: 'q', options: ['a', 'b'], multipleAnswers: false },
  ],
])('%j becomes what the outbox takes', (body, content) => {
  expect(parse(body)).toEqual({ to: '491700000002@c.us', content, replyTo: null, onLimit: 'reject' });
});

it('hashes equal requests alike and others not', () => {
  const hash = requestToHash(parse({ text: 'a' }));
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(requestToHash(parse({ onLimit: 'reject', text: 'a' }))).toBe(hash);
  expect(requestToHash(parse({ text: 'b' }))).not.toBe(hash);
});

it('writes a card that holds the number and an escaped name', () => {
  expect(phoneNumberToVcard('Doe; Jane, \\\nX', '+4917')).toBe(
    [
      'BEGIN:VCARD',
      'VERSION:3.0',
      'N:;Doe\\; Jane\\, \\\\\\nX;;;',
      'FN:Doe\\; Jane\\, \\\\\\nX',
      'TEL;type=CELL;type=VOICE;waid=4917:+4917',
      'END:VCARD',
    ].join('\n'),
  );
});
