import { randomBytes } from 'node:crypto';
import type { MediaInput } from '../../simulator/client.ts';

/** A picture that a browser can open. */
export const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=',
  'base64',
);

/** Files that say by their first bytes what they are, and as what they arrive. */
export const SENT_FILES = [
  { as: 'image', type: 'image', mimeType: 'image/png', data: PIXEL },
  {
    as: 'video',
    type: 'video',
    mimeType: 'video/mp4',
    data: Buffer.concat([
      Buffer.from([0, 0, 0, 24]),
      Buffer.from('ftypmp42\0\0\0\0isommp42'),
      randomBytes(2_000),
    ]),
  },
  {
    as: 'audio',
    type: 'audio',
    mimeType: 'audio/mpeg',
    data: Buffer.concat([
      Buffer.from('ID3\x03'),
      Buffer.alloc(6),
      Buffer.from([0xff, 0xfb, 0x90, 0]),
      randomBytes(2_000),
    ]),
  },
  {
    as: 'voice',
    type: 'ptt',
    mimeType: 'audio/ogg; codecs=opus',
    data: Buffer.concat([
      Buffer.from('OggS\0\x02'),
      Buffer.alloc(22),
      Buffer.from('OpusHead'),
      randomBytes(2_000),
    ]),
  },
  { as: 'document', type: 'document', mimeType: 'application/pdf', data: Buffer.from('%PDF-1.4 a plan') },
  {
    as: 'sticker',
    type: 'sticker',
    mimeType: 'image/webp',
    data: Buffer.from('RIFF\0\0\0\0WEBPVP8 a sticker'),
  },
] as const;

/** A file of each kind as a phone sends it, and the type under which it is stored. */
export const RECEIVED_FILES: readonly (Omit<MediaInput, 'data' | 'kind'> & {
  readonly kind: NonNullable<MediaInput['kind']>;
  readonly type: string;
})[] = [
  { kind: 'image', type: 'image', mimetype: 'image/jpeg', caption: 'the shop' },
  { kind: 'video', type: 'video', mimetype: 'video/mp4', caption: 'the walk', duration: 3 },
  { kind: 'ptv', type: 'video', mimetype: 'video/mp4', duration: 3 },
  { kind: 'product', type: 'other', mimetype: 'image/jpeg', caption: 'of the catalogue' },
  { kind: 'audio', type: 'audio', mimetype: 'audio/mpeg', duration: 3 },
  { kind: 'ptt', type: 'voice', mimetype: 'audio/ogg; codecs=opus', duration: 3 },
  { kind: 'document', type: 'document', mimetype: 'application/pdf', filename: 'plan.pdf' },
  { kind: 'sticker', type: 'sticker', mimetype: 'image/webp' },
];
