import { expect, it } from 'vitest';
import { crc32c } from '../../../../src/channels/whatsapp-web/crc32c.ts';

it.each([
  ['', 0],
  ['123456789', 0xe3069283],
])('is the checksum that the standard names for "%s"', (text, checksum) => {
  expect(crc32c(Buffer.from(text))).toBe(checksum);
});
