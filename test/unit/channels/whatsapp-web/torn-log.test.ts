import { describe, expect, it } from 'vitest';
import {
  checksumOf,
  findTornEnd,
  hasRecordsBehindTear,
  readLogUnits,
} from '../../../../src/channels/whatsapp-web/torn-log.ts';

const [WHOLE, FIRST, MIDDLE, LAST] = [1, 2, 3, 4];
const BLOCK_BYTES = 32_768;
const HEADER_BYTES = 7;

/** A record as LevelDB writes it. */
function record(kind: number, dataBytes: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + dataBytes, 0xaa);
  bytes.writeUInt16LE(dataBytes, 4);
  bytes.writeUInt8(kind, 6);
  bytes.writeUInt32LE(checksumOf(bytes.subarray(6)), 0);
  return bytes;
}

/** A record that fills a block but for so many bytes at its end. */
const blockBut = (rest: number) => record(WHOLE, BLOCK_BYTES - HEADER_BYTES - rest);
const small = record(WHOLE, 100);

describe('a torn log (F43)', () => {
  it.each([
    ['is empty', Buffer.alloc(0)],
    ['ends with a whole record', Buffer.concat([small, small])],
    [
      'ends with the last of several',
      Buffer.concat([small, record(FIRST, 50), record(MIDDLE, 50), record(LAST, 9)]),
    ],
    ['ends with the empty end of a block', Buffer.concat([blockBut(5), Buffer.alloc(5)])],
    ['goes on behind the empty end of a block', Buffer.concat([blockBut(5), Buffer.alloc(5), small])],
    ['is set aside in advance', Buffer.concat([small, Buffer.alloc(500)])],
  ])('is none that %s', (_what, log) => {
    expect(findTornEnd(log)).toBeUndefined();
  });

  it.each([
    ['in the data of its last record', Buffer.concat([small, small.subarray(0, 60)]), 107],
    ['in the header of its last record', Buffer.concat([small, small.subarray(0, 3)]), 107],
    ['before the last of several', Buffer.concat([small, record(FIRST, 50), record(MIDDLE, 50)]), 107],
    [
      'in the middle, where it was written on',
      Buffer.concat([small, small.subarray(0, 60), small, small]),
      107,
    ],
    ['at a record of no known kind', Buffer.concat([small, record(9, 20), small]), 107],
    ['in its only record', small.subarray(0, 60), 0],
    ['in its second block', Buffer.concat([blockBut(0), small, small.subarray(0, 10)]), BLOCK_BYTES + 107],
  ])('ends %s and is kept up to its last whole unit', (_where, log, end) => {
    expect(findTornEnd(log)).toBe(end);
  });
});

describe('what a tear would cost', () => {
  const long = [record(FIRST, 50), record(MIDDLE, 50), record(LAST, 9)] as const;
  const changed = Buffer.from(small).fill(0xbb, 20, 30);

  it.each([
    ['where it is whole', Buffer.concat([small, ...long])],
    ['where it is empty', Buffer.alloc(0)],
    ['if its last record is cut off', Buffer.concat([small, small.subarray(0, 60)])],
    ['if its last record is not the same any more', Buffer.concat([small, changed])],
    ['if its last unit lacks an end', Buffer.concat([small, long[0], long[1]])],
    [
      'if its last unit is cut off behind whole parts',
      Buffer.concat([small, long[0], long[1].subarray(0, 30)]),
    ],
    ['if its end was set aside and never written', Buffer.concat([small, changed, Buffer.alloc(5_000)])],
    [
      'if a unit is cut off over the end of a block',
      Buffer.concat([blockBut(60), record(FIRST, 53), record(MIDDLE, 9)]),
    ],
  ])('is nothing %s', (_what, log) => {
    expect(hasRecordsBehindTear(log)).toBe(false);
  });

  it.each([
    ['behind a record that was cut off', Buffer.concat([small, small.subarray(0, 60), small, small])],
    ['behind one that is not the same any more', Buffer.concat([small, changed, small])],
    ['behind the first parts of a unit', Buffer.concat([long[0], long[1].subarray(0, 30), small])],
    ['in the next block', Buffer.concat([small, blockBut(107).fill(0xbb, 100, 200), small])],
    ['far behind, by a block', Buffer.concat([small.subarray(0, 50), blockBut(0), small])],
  ])('is every record %s', (_where, log) => {
    expect(hasRecordsBehindTear(log)).toBe(true);
  });

  it('leaves the units before it', () => {
    const [one, three] = [100, 109];
    const log = Buffer.concat([small, ...long, blockBut(223), small.subarray(0, 60)]);
    expect(
      readLogUnits(log)
        .map(({ length }) => length)
        .slice(0, 2),
    ).toEqual([one, three]);
    expect(readLogUnits(Buffer.concat([small, small.subarray(0, 60)]))).toHaveLength(1);
    expect(readLogUnits(Buffer.concat([small, Buffer.alloc(500)]))).toHaveLength(1);
  });
});
