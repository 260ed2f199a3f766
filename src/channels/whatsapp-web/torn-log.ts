/**
 * Chromium keeps a page's storage in LevelDB, whose log may hold a torn record: the disk was full, or the browser was
 * killed. At the end of the log that is overlooked once, and the log is written on behind it; anywhere else it counts
 * as damage, and Chromium throws the whole storage away, the link with it (fault F43). So the log is cut off before the
 * torn record while no browser has it: what remains is the storage as it was a moment earlier.
 */
import { readdir, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32c } from './crc32c.ts';

/** A log is a row of blocks, a block a row of records; what is too short for a header at its end stays empty. */
const BLOCK_BYTES = 32_768;
/** Checksum (4 bytes), length of the data (2), kind (1). */
const HEADER_BYTES = 7;
/** Kinds: set aside and never written; the whole of a unit; the first, a middle and the last part of one. */
const [UNWRITTEN, WHOLE, , , LAST] = [0, 1, 2, 3, 4];

/** Where the log ends before its first torn record; undefined if there is none. */
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
    if (kind === UNWRITTEN && bytes === HEADER_BYTES) return undefined;
    if (bytes > left || kind > LAST || at + bytes > log.length) return whole;
    if (checksumOf(log.subarray(at + 6, at + bytes)) !== log.readUInt32LE(at)) return whole;
    at += bytes;
    if (kind === WHOLE || kind === LAST) whole = at;
  }
  // Between the parts of a unit; the empty end of a block is nothing torn.
  return at - whole >= HEADER_BYTES ? whole : undefined;
}

/** The data of each whole unit of a log, up to the first torn record. */
export function readLogUnits(log: Buffer): readonly Buffer[] {
  const end = findTornEnd(log) ?? log.length;
  const units: Buffer[] = [];
  let parts: Buffer[] = [];
  for (let at = 0; at < end; ) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < HEADER_BYTES || at + HEADER_BYTES > end) {
      at += left;
      continue;
    }
    const bytes = HEADER_BYTES + log.readUInt16LE(at + 4);
    const kind = log.readUInt8(at + 6);
    if (kind === UNWRITTEN) break;
    parts.push(log.subarray(at + HEADER_BYTES, at + bytes));
    if (kind === WHOLE || kind === LAST) {
      units.push(Buffer.concat(parts));
      parts = [];
    }
    at += bytes;
  }
  return units;
}

/**
 * True if whole records lie behind the first torn one: cutting it off would lose them. Nothing does where a browser was
 * killed, or the machine lost its power.
 */
export function hasRecordsBehindTear(log: Buffer): boolean {
  const end = findTornEnd(log);
  if (end === undefined) return false;
  let torn = end;
  // The unit that is torn may begin with whole records.
  for (let bytes = HEADER_BYTES; bytes > 0 && torn < log.length; torn += bytes) {
    const left = BLOCK_BYTES - (torn % BLOCK_BYTES);
    bytes = left < HEADER_BYTES ? left : wholeRecordBytes(log, torn);
  }
  // What was written behind it begins anywhere, since part of what comes before is missing.
  const searched = Math.min(torn + 2 * BLOCK_BYTES, log.length);
  for (let at = torn + 1; at < searched; at += 1) {
    if (wholeRecordBytes(log, at) > HEADER_BYTES) return true;
  }
  return false;
}

/** Of the record that begins here, its header included; 0 if none does, or not all of it is there. */
function wholeRecordBytes(log: Buffer, at: number): number {
  if (at + HEADER_BYTES > log.length) return 0;
  const bytes = HEADER_BYTES + log.readUInt16LE(at + 4);
  const kind = log.readUInt8(at + 6);
  if (kind < WHOLE || kind > LAST || at + bytes > log.length) return 0;
  return checksumOf(log.subarray(at + 6, at + bytes)) === log.readUInt32LE(at) ? bytes : 0;
}

/** Of a record's kind and data. LevelDB turns and shifts it, so that it may itself be checked within a record. */
export function checksumOf(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Cuts the logs of a profile off before what is torn; resolves with their names. The browser must be gone. */
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
