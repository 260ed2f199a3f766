/**
 * The tables of a LevelDB: rows of blocks, each with a checksum behind it. The footer says where two of them lie, the
 * index and the index of what is not data, and these say where all others do (doc/table_format.md of LevelDB, and its
 * table/format.cc).
 */
import { LevelDbReader } from './leveldb-reader.ts';
import { unpackSnappy } from './snappy.ts';
import { checksumOf } from './torn-log.ts';

const FOOTER_BYTES = 48;
/** The last bytes of every table. */
const TABLE_END = Buffer.from('57fb808b247547db', 'hex');

/** How a block is packed (1 byte), and the checksum of both (4). */
const TRAILER_BYTES = 5;
/** Ways in which blocks are packed. */
const [UNPACKED, SNAPPY] = [0, 1];
/** The entries of a block are followed by where some of them begin, four bytes each, and by their number. */
const RESTART_BYTES = 4;

/** Where a block lies, without its trailer. */
interface BlockHandle {
  readonly offset: number;
  readonly size: number;
}

/** What is wrong with a table, to go on from "a table"; undefined if every block of it is as it was written. */
export function findTableProblem(table: Buffer): string | undefined {
  if (table.length < FOOTER_BYTES || !table.subarray(-TABLE_END.length).equals(TABLE_END))
    return 'without its end';
  try {
    const footer = new LevelDbReader(table.subarray(-FOOTER_BYTES, -TABLE_END.length));
    for (const indexHandle of [readHandle(footer), readHandle(footer)]) {
      for (const handle of listHandles(table, indexHandle)) checkBlock(table, handle);
    }
    return undefined;
  } catch (thrown) {
    if (thrown instanceof RangeError) return 'with a damaged block';
    throw thrown;
  }
}

function readHandle(reader: LevelDbReader): BlockHandle {
  return { offset: reader.readNumber(), size: reader.readNumber() };
}

/** The blocks that an index points to; none if it is packed in a way that is not known, which is no damage. */
function listHandles(table: Buffer, indexHandle: BlockHandle): readonly BlockHandle[] {
  const index = readBlock(table, indexHandle);
  if (index === undefined) return [];
  const restarts = index.readUInt32LE(index.length - RESTART_BYTES);
  const end = index.length - (restarts + 1) * RESTART_BYTES;
  if (end < 0) throw new RangeError('A block is shorter than it says.');
  const handles: BlockHandle[] = [];
  const reader = new LevelDbReader(index.subarray(0, end));
  while (!reader.isAtEnd) {
    // What the key has in common with the one before stands there alone.
    reader.readNumber();
    const keyBytes = reader.readNumber();
    const valueBytes = reader.readNumber();
    reader.readBytes(keyBytes);
    handles.push(readHandle(new LevelDbReader(reader.readBytes(valueBytes))));
  }
  return handles;
}

/** What a block holds; undefined if it is packed in a way that is not known. Throws a RangeError if it is damaged. */
function readBlock(table: Buffer, handle: BlockHandle): Buffer | undefined {
  checkBlock(table, handle);
  const { offset, size } = handle;
  const content = table.subarray(offset, offset + size);
  const packing = table.readUInt8(offset + size);
  if (packing === UNPACKED) return content;
  return packing === SNAPPY ? unpackSnappy(content) : undefined;
}

/** Throws a RangeError if the block is damaged. */
function checkBlock(table: Buffer, { offset, size }: BlockHandle): void {
  const end = offset + size + TRAILER_BYTES;
  if (end > table.length - FOOTER_BYTES) throw new RangeError('A block lies beyond the table.');
  const checked = table.subarray(offset, offset + size + 1);
  if (checksumOf(checked) !== table.readUInt32LE(offset + size + 1))
    throw new RangeError('A block is not what was written.');
}
