import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../lib/errors.ts';
import { type ArchiveLimits, type ArchiveTarget, readArchive } from './archive-reader.ts';
import { ByteReader } from './byte-reader.ts';
import { makeDamaged } from './snapshot.ts';
import { BLOCK_BYTES, entryToBytes, paddingOf } from './tar-header.ts';
import { compress } from './zstd-stream.ts';

/** Of archives. Measured on 87 MB: level 3 is 3 per cent smaller for twice the time, level 9 8 per cent for five times. */
export const ZSTD_LEVEL = 1;

/** What is read or written of a file at once. */
const PIECE_BYTES = 256 * 1024;

/** Entries that are read at the same time: a few more than there are threads for it. */
const ENTRIES_AHEAD = 8;

/** A link put in a file's place is not followed, and a pipe not waited for. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Packs the named files and folders of a folder, with all that is in them, as tar in zstd; only regular files and folders
 * are taken. Holds some pieces of 256 KiB, and no file open once the stream is given up. Fails if a file is cut
 * meanwhile, or an entry is not there.
 */
export function packFolder(folder: string, entries: readonly string[]): AsyncGenerator<Uint8Array> {
  return compress(gather(archive(folder, entries)), ZSTD_LEVEL);
}

/** Joins small pieces to large ones. The bytes of a piece are good until the next one is asked for. */
async function* gather(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(pieces);
  await using _closed = reader;
  const piece = Buffer.alloc(PIECE_BYTES);
  for (;;) {
    const length = await reader.fill(piece);
    if (length > 0) yield piece.subarray(0, length);
    if (length < PIECE_BYTES) return;
  }
}

/** Small files cost their trips to the system, not their bytes: several are on their way at once. */
async function* archive(folder: string, entries: readonly string[]): AsyncGenerator<Uint8Array> {
  const ahead: Promise<BegunEntry>[] = [];
  try {
    for await (const entry of walk(folder, entries)) {
      const begun = beginEntry(folder, entry);
      // Its turn tells of a failure; if its turn never comes, it is nobody's.
      begun.catch(() => undefined);
      ahead.push(begun);
      if (ahead.length >= ENTRIES_AHEAD) yield* finishFirst(ahead);
    }
    while (ahead.length > 0) yield* finishFirst(ahead);
  } finally {
    for (const begun of ahead) await begun.then((each) => each.file?.close()).catch(() => undefined);
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

interface WalkedEntry {
  readonly kind: 'file' | 'folder';
  readonly path: string;
}

/** Each folder before what is in it; only regular files and folders. */
async function* walk(folder: string, entries: readonly string[]): AsyncGenerator<WalkedEntry> {
  const seen = new Set<string>();
  for (const entry of entries) {
    for (const path of parentsOf(entry)) {
      if (!seen.has(path)) yield { kind: 'folder', path };
      seen.add(path);
    }
    yield* walkEntry(folder, entry, await lstat(join(folder, entry)));
  }
}

/** The folders that a path lies in, outermost first. */
function parentsOf(path: string): readonly string[] {
  const parent = dirname(path);
  return parent === '.' ? [] : [...parentsOf(parent), parent];
}

async function* walkEntry(
  folder: string,
  path: string,
  entry: Pick<Stats, 'isFile' | 'isDirectory'>,
): AsyncGenerator<WalkedEntry> {
  if (entry.isFile()) yield { kind: 'file', path };
  if (!entry.isDirectory()) return;
  yield { kind: 'folder', path };
  const inside = await readdir(join(folder, path), { withFileTypes: true });
  for (const each of inside.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    yield* walkEntry(folder, `${path}/${each.name}`, each);
  }
}

/** An entry with the first piece of its content. The file is open if there is more. */
interface BegunEntry {
  readonly header: Buffer;
  readonly size: number;
  readonly start: Uint8Array;
  readonly file?: FileHandle;
}

async function beginEntry(folder: string, { kind, path }: WalkedEntry): Promise<BegunEntry> {
  const nothing = { size: 0, start: new Uint8Array() };
  if (kind === 'folder') return { header: entryToBytes({ kind, path, size: 0 }), ...nothing };
  const file = await open(join(folder, path), READ_FLAGS);
  let isKept = false;
  try {
    const { size } = await file.stat();
    const header = entryToBytes({ kind, path, size });
    if (size === 0) return { header, ...nothing };
    const piece = Buffer.alloc(Math.min(size, PIECE_BYTES));
    const start = await readPiece(file, piece);
    isKept = start.length < size;
    return { header, size, start, ...(isKept ? { file } : {}) };
  } finally {
    if (!isKept) await file.close();
  }
}

/** Takes the first of them out of the list, which has those that are still to be closed if this ends early. */
async function* finishFirst(ahead: Promise<BegunEntry>[]): AsyncGenerator<Uint8Array> {
  const { header, size, start, file } = (await ahead[0]) as BegunEntry;
  yield header;
  yield start;
  if (file) {
    const piece = Buffer.alloc(PIECE_BYTES);
    for (let left = size - start.length; left > 0; ) {
      const next = await readPiece(file, piece.subarray(0, Math.min(left, piece.length)));
      yield next;
      left -= next.length;
    }
    await file.close();
  }
  yield Buffer.alloc(paddingOf(size));
  ahead.shift();
}

async function readPiece(file: FileHandle, piece: Buffer): Promise<Uint8Array> {
  const { bytesRead } = await file.read(piece, 0, piece.length);
  if (bytesRead === 0) throw new Error('A file was cut while it was put into a sealed session.');
  return piece.subarray(0, bytesRead);
}

/**
 * Called before each file is unpacked, with its bytes.
 * @throws AppError DISK_FULL if there is no room for them
 */
export type RequireRoom = (bytes: number) => Promise<void>;

/**
 * Unpacks into a folder that is made for it (0700, its files 0600) and removed again if anything is wrong. Nothing is
 * written outside, nothing beyond the limits, and no file before there is room for it.
 * @throws AppError VAULT_DAMAGED, VAULT_TOO_LARGE; what the source and `requireRoom` throw; what the file system says
 */
export async function unpackInto(
  packed: AsyncIterable<Uint8Array>,
  folder: string,
  limits: ArchiveLimits,
  requireRoom: RequireRoom = async () => undefined,
): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  try {
    await readArchive(packed, folderTarget(folder, requireRoom), limits);
  } catch (thrown) {
    await rm(folder, { recursive: true, force: true });
    throw thrown;
  }
}

/**
 * Resolves if the profile could be unpacked, as far as the archive itself tells; writes nothing.
 * @throws AppError VAULT_DAMAGED, VAULT_TOO_LARGE; what the source throws
 */
export async function checkArchive(packed: AsyncIterable<Uint8Array>, limits: ArchiveLimits): Promise<void> {
  const nowhere: ArchiveTarget = {
    makeFolder: async () => undefined,
    async writeFile(_path, content) {
      for await (const _piece of content);
    },
  };
  await readArchive(packed, nowhere, limits);
}

function folderTarget(folder: string, requireRoom: RequireRoom): ArchiveTarget {
  return {
    async makeFolder(path) {
      await mkdir(join(folder, path), { mode: 0o700 }).catch(refuseTaken);
    },
    async writeFile(path, content, size) {
      await requireRoom(size);
      await using file = await open(join(folder, path), 'wx', 0o600).catch(refuseTaken);
      for await (const piece of content) await file.writeFile(piece);
    },
  };
}

/** A name that is taken although it was not there is one that the file system takes for another. */
function refuseTaken(thrown: unknown): never {
  if (errnoOf(thrown) !== 'EEXIST') throw thrown;
  throw makeDamaged('its archive holds an entry twice');
}
