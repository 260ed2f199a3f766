/**
 * The manifest of a LevelDB: a log of edits, each of which adds and removes tables. Read as far as it takes to know the
 * files that the storage consists of now (the format is public: doc/impl.md and db/version_edit of LevelDB).
 */
import { LevelDbReader } from './leveldb-reader.ts';

/** What an edit consists of: each part begins with its tag. */
const TAGS = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compaction: 5,
  removedTable: 6,
  addedTable: 7,
  previousLog: 9,
} as const;

/** The files of a storage. */
export interface StorageFiles {
  /** Size in bytes of each table, by its number. */
  readonly tables: ReadonlyMap<number, number>;
  /** The oldest log that is not in tables yet; 0 if the storage was only just made. */
  readonly logNumber: number;
}

/** The files after these edits; undefined if one of them is none. */
export function findStorageFiles(edits: readonly Buffer[]): StorageFiles | undefined {
  const tables = new Map<number, number>();
  const files = { tables, logNumber: 0 };
  try {
    for (const edit of edits) applyEdit(new LevelDbReader(edit), files);
    return files;
  } catch (thrown) {
    if (thrown instanceof RangeError) return undefined;
    throw thrown;
  }
}

function applyEdit(edit: LevelDbReader, files: { tables: Map<number, number>; logNumber: number }): void {
  while (!edit.isAtEnd) {
    const tag = edit.readNumber();
    switch (tag) {
      case TAGS.comparator:
        skipPrefixed(edit);
        break;
      case TAGS.logNumber:
        files.logNumber = edit.readNumber();
        break;
      case TAGS.nextFile:
      case TAGS.lastSequence:
      case TAGS.previousLog:
        edit.readNumber();
        break;
      case TAGS.compaction:
        edit.readNumber();
        skipPrefixed(edit);
        break;
      case TAGS.removedTable:
        edit.readNumber();
        files.tables.delete(edit.readNumber());
        break;
      case TAGS.addedTable: {
        edit.readNumber();
        const number = edit.readNumber();
        files.tables.set(number, edit.readNumber());
        skipPrefixed(edit);
        skipPrefixed(edit);
        break;
      }
      default:
        throw new RangeError(`No part of an edit has the tag ${tag}.`);
    }
  }
}

/** Bytes that come after their length. */
function skipPrefixed(edit: LevelDbReader): void {
  edit.readBytes(edit.readNumber());
}
