import { describe, expect, it } from 'vitest';
import { findTableProblem } from '../../../../src/channels/whatsapp-web/leveldb-table.ts';
import {
  blockContent,
  handlesOf,
  tableBlock,
  tableOf,
  tableOfBlocks,
  varints,
} from '../../../support/leveldb-bytes.ts';

const FOOTER_BYTES = 48;

const data = [
  tableBlock(blockContent(['a', Buffer.alloc(50, 1)])),
  tableBlock(blockContent(['b', Buffer.alloc(70)])),
];
const filter = tableBlock(Buffer.alloc(30, 7));
const [ofA = Buffer.alloc(0), ofB = Buffer.alloc(0), ofFilter = Buffer.alloc(0)] = handlesOf([
  ...data,
  filter,
]);
const others = blockContent(['filter', ofFilter]);
const index = blockContent(['a', ofA], ['b', ofB]);

/** Two blocks of data and a filter, with an index as given. */
const tableWith = (indexBlock: Buffer, othersBlock = tableBlock(others)) =>
  tableOfBlocks(...data, filter, othersBlock, indexBlock);

/** All of it as it is, as far as snappy has it so. */
const packed = (content: Buffer) =>
  Buffer.concat([varints(content.length), Buffer.from([60 << 2, content.length - 1]), content]);

describe('a table', () => {
  it.each<[string, Buffer]>([
    ['it has blocks of data and a filter', tableWith(tableBlock(index))],
    ['its indices are compressed', tableWith(tableBlock(packed(index), 1), tableBlock(packed(others), 1))],
    ['it has nothing but data', tableOf(1_000)],
    ['its index is packed in a way that is not known', tableWith(tableBlock(Buffer.from('?'), 2))],
  ])('is whole if %s', (_what, table) => {
    expect(findTableProblem(table)).toBeUndefined();
  });

  it.each<[string, Buffer]>([
    ['plain', tableWith(tableBlock(index))],
    ['compressed', tableWith(tableBlock(packed(index), 1), tableBlock(packed(others), 1))],
  ])('is damaged whichever bit of a block was changed (%s)', (_what, table) => {
    for (let bit = 0; bit < (table.length - FOOTER_BYTES) * 8; bit += 1) {
      const changed = Buffer.from(table);
      changed.writeUInt8(changed.readUInt8(bit >>> 3) ^ (1 << (bit & 7)), bit >>> 3);
      expect(findTableProblem(changed), `bit ${bit}`).toBe('with a damaged block');
    }
  });

  it.each<[string, Buffer]>([
    ['an index that is too short', tableWith(tableBlock(Buffer.alloc(2)))],
    ['an index that names more beginnings than it has', tableWith(tableBlock(Buffer.alloc(8, 0xff)))],
    ['an entry that is cut off', tableWith(tableBlock(Buffer.concat([varints(0, 9, 9), Buffer.alloc(4)])))],
    ['a block far beyond it', tableWith(tableBlock(blockContent(['a', varints(2 ** 50, 2 ** 50)])))],
    ['a block that ends in the footer', tableWith(tableBlock(blockContent(['a', varints(0, 400)])))],
    ['a compressed index that is none', tableWith(tableBlock(Buffer.alloc(9, 0xff), 1))],
  ])('is damaged with %s', (_what, table) => {
    expect(findTableProblem(table)).toBe('with a damaged block');
  });

  it('is damaged wherever it was cut', () => {
    const table = tableOf(1_000);
    for (let length = 0; length < table.length; length += 1)
      expect(findTableProblem(table.subarray(0, length))).toBe('without its end');
  });

  it('is damaged if its footer leads elsewhere', () => {
    const table = tableOf(1_000);
    table.fill(0xff, table.length - FOOTER_BYTES, table.length - 8);
    expect(findTableProblem(table)).toBe('with a damaged block');
  });
});
