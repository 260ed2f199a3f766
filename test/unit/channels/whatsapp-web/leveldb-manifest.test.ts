import { describe, expect, it } from 'vitest';
import { findStorageFiles } from '../../../../src/channels/whatsapp-web/leveldb-manifest.ts';
import { editParts, prefixed, varints } from '../../../support/leveldb-bytes.ts';

const { added, removed, log } = editParts;
const comparator = editParts.comparator('idb_cmp1');
const rest = Buffer.concat([
  varints(3, 9),
  varints(4, 2 ** 40),
  varints(9, 0),
  varints(5, 1),
  prefixed('key'),
]);

/** Tables as pairs, and the log. */
function read(...edits: Buffer[]) {
  const files = findStorageFiles(edits);
  return files && { tables: [...files.tables], log: files.logNumber };
}

describe('the files of a storage', () => {
  it.each([
    ['none when it was only just made', [Buffer.concat([comparator, rest])], [], 0],
    ['a log once it is in use', [comparator, log(3)], [], 3],
    ['the last log that was named', [log(3), Buffer.concat([log(7), rest])], [], 7],
    [
      'tables with their sizes',
      [Buffer.concat([added(5, 1_234), added(6, 2 ** 33, 3)])],
      [
        [5, 1_234],
        [6, 2 ** 33],
      ],
      0,
    ],
    ['no table that was removed', [added(5, 10), Buffer.concat([removed(5), added(8, 20, 1)])], [[8, 20]], 0],
    [
      'a table that was moved to another level',
      [added(5, 10), Buffer.concat([removed(5), added(5, 10, 1)])],
      [[5, 10]],
      0,
    ],
  ])('are %s', (_what, edits, tables, logNumber) => {
    expect(read(...edits)).toEqual({ tables, log: logNumber });
  });

  it.each([
    ['has an unknown part', varints(8, 1)],
    ['ends in a number', Buffer.from([2, 0x80])],
    ['ends in a key', added(5, 10).subarray(0, -1)],
    ['ends behind a tag', varints(7)],
    ['has a key that is longer than it is', Buffer.concat([varints(5, 0, 2 ** 31), Buffer.from('x')])],
  ])('are not known if an edit %s', (_what, edit) => {
    expect(read(comparator, edit)).toBeUndefined();
  });
});
