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

/** A block behind which its checksum stands, and how it is packed: 0 not at all, 1 with snappy. */
export function tableBlock(content: Buffer, packing = 0): Buffer {
  const block = Buffer.concat([content, Buffer.from([packing]), Buffer.alloc(4)]);
  block.writeUInt32LE(checksumOf(block.subarray(0, -4)), block.length - 4);
  return block;
}

/** What a block holds: entries, each with its whole key. */
export function blockContent(...entries: readonly (readonly [key: string, value: Buffer])[]): Buffer {
  const rows = entries.map(([key, value]) =>
    Buffer.concat([varints(0, Buffer.byteLength(key), value.length), Buffer.from(key), value]),
  );
  // Where the first entry begins, and that this is the only one that is said of.
  return Buffer.concat([...rows, Buffer.from([0, 0, 0, 0, 1, 0, 0, 0])]);
}

/** A table of these blocks, of which the last two are its index of what is not data and its index. */
export function tableOfBlocks(...blocks: readonly Buffer[]): Buffer {
  const handles = handlesOf(blocks).slice(-2);
  const footer = Buffer.alloc(40);
  Buffer.concat(handles).copy(footer);
  return Buffer.concat([...blocks, footer, Buffer.from('57fb808b247547db', 'hex')]);
}

/** Where each of the blocks lies that follow one another, as an index says it. */
export function handlesOf(blocks: readonly Buffer[]): readonly Buffer[] {
  let at = 0;
  return blocks.map((block) => {
    const handle = varints(at, block.length - 5);
    at += block.length;
    return handle;
  });
}

/** A table of that size with a single entry. */
export function tableOf(
  size: number,
  makeValue = (length: number): Buffer => Buffer.alloc(length, 0xaa),
): Buffer {
  let length = size;
  for (let tries = 0; tries < 3; tries += 1) {
    const table = tableOfEntry(makeValue(length));
    if (table.length === size) return table;
    length += size - table.length;
  }
  throw new Error(`No table of a single entry has ${size} bytes.`);
}

function tableOfEntry(value: Buffer): Buffer {
  const data = tableBlock(blockContent(['key', value]));
  const others = tableBlock(blockContent());
  const [handle = Buffer.alloc(0)] = handlesOf([data]);
  return tableOfBlocks(data, others, tableBlock(blockContent(['key', handle])));
}
