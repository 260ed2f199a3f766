/**
 * The raw format of snappy, in which LevelDB compresses blocks (format_description.txt of snappy): the length of the
 * content, then pieces, each either bytes as they are or a copy of what came before.
 */
import { LevelDbReader } from './leveldb-reader.ts';

/** The content that the densest piece makes, a copy of 64 bytes, and the bytes that it takes. */
const [MOST_COPIED, COPY_BYTES] = [64, 3];

/** Kinds of pieces, in the lowest bits of a piece's first byte; the fourth is a copy from up to 4 GiB before. */
const [AS_IT_IS, NEAR_COPY, FAR_COPY] = [0, 1, 2];
/** Lengths from here on stand in one to four bytes of their own. */
const LONG = 60;

/** The content. Never takes more memory than such bytes can hold; throws a RangeError if they are damaged. */
export function unpackSnappy(packed: Buffer): Buffer {
  const reader = new LevelDbReader(packed);
  const length = reader.readNumber();
  if (length > (packed.length * MOST_COPIED) / COPY_BYTES) throw new RangeError('No content is that dense.');
  const content = Buffer.alloc(length);
  let at = 0;
  while (!reader.isAtEnd) at += unpackPiece(reader, content, at);
  if (at !== length) throw new RangeError('The content is shorter than it says.');
  return content;
}

/** Returns how many bytes it has put there. */
function unpackPiece(reader: LevelDbReader, content: Buffer, at: number): number {
  const tag = readLittleEndian(reader, 1);
  const kind = tag & 3;
  const bits = tag >>> 2;
  if (kind === AS_IT_IS) {
    const length = 1 + (bits < LONG ? bits : readLittleEndian(reader, bits - LONG + 1));
    const bytes = reader.readBytes(length);
    if (at + length > content.length) throw new RangeError('The content is longer than it says.');
    return bytes.copy(content, at);
  }
  if (kind === NEAR_COPY) {
    const offset = ((bits >>> 3) << 8) + readLittleEndian(reader, 1);
    return copyBefore(content, { at, offset, length: 4 + (bits & 7) });
  }
  const offset = readLittleEndian(reader, kind === FAR_COPY ? 2 : 4);
  return copyBefore(content, { at, offset, length: 1 + bits });
}

interface CopyPiece {
  readonly at: number;
  readonly offset: number;
  readonly length: number;
}

/** Byte by byte: a copy may go on into what it has just written. */
function copyBefore(content: Buffer, { at, offset, length }: CopyPiece): number {
  if (offset === 0 || offset > at) throw new RangeError('A copy begins before the content.');
  if (at + length > content.length) throw new RangeError('The content is longer than it says.');
  for (let to = at; to < at + length; to += 1) content[to] = content[to - offset] ?? 0;
  return length;
}

function readLittleEndian(reader: LevelDbReader, bytes: number): number {
  return reader.readBytes(bytes).readUIntLE(0, bytes);
}
