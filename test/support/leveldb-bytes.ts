import { checksumOf } from '../../src/channels/whatsapp-web/torn-log.ts';

/** Written one byte per seven bits, the lowest first. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

export function varints(...values: readonly number[]): Buffer {
  return Buffer.concat(values.map(varint));
}

/** Bytes behind their length. */
export function prefixed(text: string): Buffer {
  return Buffer.concat([varint(Buffer.byteLength(text)), Buffer.from(text)]);
}

/** Parts of an edit in a manifest. */
export const editParts = {
  comparator: (name: string) => Buffer.concat([varint(1), prefixed(name)]),
  log: (number: number) => varints(2, number),
  removed: (number: number) => varints(6, 0, number),
  added: (number: number, size: number, level = 0) =>
    Buffer.concat([varints(7, level, number, size), prefixed('a'), prefixed('z')]),
} as const;

/** A record of a log that is a unit by itself. */
export function logRecord(data: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(7), data]);
  bytes.writeUInt16LE(data.length, 4);
  bytes.writeUInt8(1, 6);
  bytes.writeUInt32LE(checksumOf(bytes.subarray(6)), 0);
  return bytes;
}

/** A table of that size, of which only the end is right. */
export function tableOf(size: number): Buffer {
  return Buffer.concat([Buffer.alloc(size - 8, 0xaa), Buffer.from('57fb808b247547db', 'hex')]);
}
