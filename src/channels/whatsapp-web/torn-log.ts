/**
 * Chromium keeps a page's storage in LevelDB, whose log may end in the middle of a record: the disk was full, or the
 * browser was killed. Opened once, such a log is read up to there, and then written on behind the torn record. Opened
 * again it counts as damaged in the middle, and Chromium throws the whole storage away, the link with it (fault F43).
 * So the torn end is cut off before a browser sees it.
 */
import { readdir, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';

/** A log is a row of blocks, a block a row of records; what is too short for a header at its end stays empty. */
const BLOCK_BYTES = 32_768;
/** Checksum (4 bytes), length of the data (2), kind (1). */
const HEADER_BYTES = 7;
/** Kinds after which a unit is whole: a record that stands alone, the last of several. */
const WHOLE: readonly number[] = [1, 4];
/** The first and those in the middle of several. */
const PART: readonly number[] = [2, 3];

/** Where the last whole unit of a torn log ends; undefined if the log is whole, or damaged in another way. */
export function findTornEnd(log: Buffer): number | undefined {
  let whole = 0;
  let at = 0;
  while (at < log.length) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < HEADER_BYTES) {
      at += left;
      continue;
    }
    if (at + HEADER_BYTES > log.length) return whole;
    const bytes = HEADER_BYTES + log.readUInt16LE(at + 4);
    const kind = log.readUInt8(at + 6);
    if (bytes > left || !(WHOLE.includes(kind) || PART.includes(kind))) return undefined;
    if (at + bytes > log.length) return whole;
    at += bytes;
    if (WHOLE.includes(kind)) whole = at;
  }
  // Between the records of one unit; an empty end of a block is nothing torn.
  return at - whole >= HEADER_BYTES ? whole : undefined;
}

/** Cuts off the torn ends of a profile's logs and resolves with the files that had one. The browser must be gone. */
export async function cutTornLogs(profilePath: string): Promise<readonly string[]> {
  const names = await readdir(profilePath, { recursive: true });
  const logs = names.filter((name) => /\/(\d{6}\.log|MANIFEST-\d{6})$/.test(name));
  const torn: string[] = [];
  for (const name of logs) {
    const path = join(profilePath, name);
    const end = findTornEnd(await readFile(path));
    if (end === undefined) continue;
    await truncate(path, end);
    torn.push(name);
  }
  return torn;
}
