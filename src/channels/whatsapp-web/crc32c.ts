/** The reflected polynomial of Castagnoli. */
const POLYNOMIAL = 0x82f63b78;

/** Four tables of 256, one after another: what a byte is worth that is followed by none to three others. */
const TABLES = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(4 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let rest = byte;
    for (let bit = 0; bit < 8; bit += 1) rest = (rest >>> 1) ^ (rest & 1 ? POLYNOMIAL : 0);
    tables[byte] = rest;
  }
  for (let at = 256; at < tables.length; at += 1) {
    const before = tables[at - 256] ?? 0;
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] ?? 0);
  }
  return tables;
}

/**
 * CRC-32C of the bytes, as an unsigned number. (The one of node:zlib has another polynomial.) Four bytes at a time: it is
 * what checking a profile takes, which every snapshot of a running session does.
 */
export function crc32c(bytes: Uint8Array): number {
  const tables = TABLES;
  let crc = -1;
  let at = 0;
  for (const last = bytes.length - 3; at < last; at += 4) {
    const four =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    crc =
      (tables[768 + (four & 0xff)] as number) ^
      (tables[512 + ((four >>> 8) & 0xff)] as number) ^
      (tables[256 + ((four >>> 16) & 0xff)] as number) ^
      (tables[four >>> 24] as number);
  }
  for (; at < bytes.length; at += 1)
    crc = (crc >>> 8) ^ (tables[(crc ^ (bytes[at] as number)) & 0xff] as number);
  return ~crc >>> 0;
}
