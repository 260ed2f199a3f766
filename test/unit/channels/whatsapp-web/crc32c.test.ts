import { expect, it } from 'vitest';
import { crc32c } from '../../../../src/channels/whatsapp-web/crc32c.ts';

it.each<[string, Buffer, number]>([
  ['nothing', Buffer.alloc(0), 0],
  ['one byte', Buffer.from('a'), 0xc1d04330],
  ['nine digits', Buffer.from('123456789'), 0xe3069283],
  ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
  ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['a row of 32 bytes', Buffer.from(Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e],
])('is the checksum that the standard names for %s', (_what, bytes, checksum) => {
  expect(crc32c(bytes)).toBe(checksum);
});
