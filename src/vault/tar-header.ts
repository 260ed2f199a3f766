/**
 * The headers of a profile's tar archive: POSIX (ustar), a name that does not fit in an extended (pax) header before
 * it. What is read is held to what is written, so that there is one way alone to understand an archive.
 */
import { Header, Pax } from 'tar';
import { toError } from '../lib/errors.ts';
import { makeDamaged } from './snapshot.ts';

export const BLOCK_BYTES = 512;

/** Of a whole path, and of one name in it: what Linux takes, with room for the folder that it is unpacked into. */
const MAX_PATH_BYTES = 3_072;
const MAX_NAME_BYTES = 255;

/** An extended header holds one path, its own length and a word. */
export const MAX_EXTENSION_BYTES = MAX_PATH_BYTES + 32;

/** What the path and its prefix take in a header. */
const [PATH_AT, PATH_BYTES] = [0, 100];
const [PREFIX_AT, PREFIX_BYTES] = [345, 155];
const SIZE = { at: 124, bytes: 12 } as const;

/** Names the file in the eyes of a program that does not know extended headers. */
const EXTENDED_NAME = 'named-in-the-extended-header';

/** A folder or a file of an archive; the path is relative and has neither `.` nor `..` in it. */
export interface TarEntry {
  readonly kind: 'folder' | 'file';
  readonly path: string;
  /** Bytes of a file; 0 for a folder. */
  readonly size: number;
}

/** A header as it lies in the archive: an entry, or the name of the next one. */
export type ReadHeader = TarEntry | { readonly kind: 'extension'; readonly size: number };

/** The bytes that go before an entry's content. Throws if no archive can hold its name. */
export function entryToBytes({ kind, path, size }: TarEntry): Buffer {
  const problem = findPathProblem(path);
  if (problem !== undefined) throw new Error(`A file cannot be put into a sealed session: ${problem}.`);
  const make = (name: string) =>
    new Header({
      path: kind === 'folder' ? `${name}/` : name,
      type: kind === 'folder' ? 'Directory' : 'File',
      mode: kind === 'folder' ? 0o700 : 0o600,
      uid: 0,
      gid: 0,
      size,
      mtime: new Date(0),
    });
  const block = Buffer.alloc(BLOCK_BYTES);
  if (!make(path).encode(block)) return block;
  block.fill(0);
  make(EXTENDED_NAME).encode(block);
  return Buffer.concat([new Pax({ path }).encode(), block]);
}

/** Zeros that fill the last block of a content. */
export function paddingOf(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

/**
 * Reads a block; undefined if it is empty, which ends the archive. `extendedPath` is what the header before it said.
 * @throws AppError VAULT_DAMAGED for all that no profile has: links, devices, names that lead elsewhere
 */
export function parseHeader(block: Buffer, extendedPath: string | undefined): ReadHeader | undefined {
  const header = readHeader(block);
  if (header.nullBlock) return undefined;
  if (!header.cksumValid) throw makeDamaged('a header in its archive has a wrong checksum');
  const size = readSize(block);
  switch (header.type) {
    case 'ExtendedHeader':
      return { kind: 'extension', size };
    case 'File':
    case 'Directory': {
      const isFolder = header.type === 'Directory';
      if (isFolder && size > 0) throw makeDamaged('a folder in its archive has content');
      const path = checkPath((extendedPath ?? readPath(block)).replace(isFolder ? /\/$/ : '', ''));
      return { kind: isFolder ? 'folder' : 'file', path, size };
    }
    default:
      throw makeDamaged(`its archive holds something that is neither a file nor a folder (${header.type})`);
  }
}

/**
 * The path that an extended header gives to the entry behind it.
 * @throws AppError VAULT_DAMAGED if it says anything else
 */
export function parseExtension(body: Buffer): string {
  const text = decodeText(body);
  const [, path] = /^\d+ path=(.*)\n$/s.exec(text) ?? [];
  if (path === undefined || new Pax({ path }).encodeBody() !== text) {
    throw makeDamaged('an extended header in its archive says more than a name');
  }
  return path;
}

function readHeader(block: Buffer): Header {
  try {
    return new Header(block);
  } catch (thrown) {
    throw makeDamaged(`a header in its archive cannot be read (${toError(thrown).message})`);
  }
}

/** In octal digits; the binary form is for sizes that are refused anyway. */
function readSize(block: Buffer): number {
  const [digits] =
    /^[0-7]{1,12}(?=[ \0]*$)/.exec(block.toString('latin1', SIZE.at, SIZE.at + SIZE.bytes)) ?? [];
  if (digits === undefined) throw makeDamaged('a header in its archive has no proper size');
  return Number.parseInt(digits, 8);
}

function readPath(block: Buffer): string {
  const prefix = readText(block.subarray(PREFIX_AT, PREFIX_AT + PREFIX_BYTES));
  const path = readText(block.subarray(PATH_AT, PATH_AT + PATH_BYTES));
  return prefix === '' ? path : `${prefix}/${path}`;
}

/** Up to the first NUL, behind which there is nothing else. */
function readText(field: Buffer): string {
  const text = decodeText(field).replace(/\0+$/, '');
  if (text.includes('\0')) throw makeDamaged('a name in its archive holds a NUL');
  return text;
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (thrown) {
    throw makeDamaged(`a name in its archive is no text (${toError(thrown).message})`);
  }
}

function checkPath(path: string): string {
  const problem = findPathProblem(path);
  if (problem !== undefined) throw makeDamaged(problem);
  return path;
}

/** Does not quote the path: it may hold anything. */
function findPathProblem(path: string): string | undefined {
  if (path.startsWith('/')) return 'a path in its archive is absolute';
  if (path.includes('\0')) return 'a name in its archive holds a NUL';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return 'a path in its archive is too long';
  for (const name of path.split('/')) {
    if (name === '..') return 'a path in its archive leads out of its folder';
    if (name === '' || name === '.') return 'a path in its archive has an empty part';
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) return 'a name in its archive is too long';
  }
  return undefined;
}
