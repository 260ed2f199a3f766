import { dirname } from 'node:path';
import { AppError } from '../lib/errors.ts';
import { ByteReader } from './byte-reader.ts';
import { makeDamaged } from './snapshot.ts';
import {
  BLOCK_BYTES,
  MAX_EXTENSION_BYTES,
  paddingOf,
  parseExtension,
  parseHeader,
  type TarEntry,
} from './tar-header.ts';
import { decompress } from './zstd-stream.ts';

/** What is handed on of a file at once. */
const PIECE_BYTES = 256 * 1024;

/** Two empty blocks end an archive; some programs fill it up to this. */
const MAX_END_BYTES = 20 * BLOCK_BYTES;

/** What may come out of an archive: bytes of all files, and files and folders together. */
export interface ArchiveLimits {
  readonly maxBytes: number;
  readonly maxEntries: number;
}

/** Where what an archive holds goes. Paths lead out of nowhere, and a folder comes before what is in it. */
export interface ArchiveTarget {
  makeFolder(path: string): Promise<void>;
  /** Takes all pieces, `size` bytes in sum; those of one are good until the next one is asked for. */
  writeFile(path: string, content: AsyncIterable<Uint8Array>, size: number): Promise<void>;
}

/**
 * Reads a packed profile to its end. Nothing beyond the limits is handed on; an archive holds files and folders, each once,
 * a folder before what is in it.
 * @throws AppError VAULT_DAMAGED, VAULT_TOO_LARGE; what the source and the target throw
 */
export async function readArchive(
  packed: AsyncIterable<Uint8Array>,
  target: ArchiveTarget,
  limits: ArchiveLimits,
): Promise<void> {
  await using reader = new ByteReader(decompress(packed));
  await new ArchiveReading(reader, target, limits).run();
}

class ArchiveReading {
  readonly #reader: ByteReader;
  readonly #target: ArchiveTarget;
  readonly #limits: ArchiveLimits;
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  readonly #piece = Buffer.alloc(PIECE_BYTES);
  readonly #kinds = new Map<string, TarEntry['kind']>();
  #bytes = 0;

  constructor(reader: ByteReader, target: ArchiveTarget, limits: ArchiveLimits) {
    this.#reader = reader;
    this.#target = target;
    this.#limits = limits;
  }

  async run(): Promise<void> {
    for (let entry = await this.#findNext(); entry !== undefined; entry = await this.#findNext()) {
      this.#admit(entry);
      if (entry.kind === 'folder') await this.#target.makeFolder(entry.path);
      else await this.#target.writeFile(entry.path, this.#content(entry.size), entry.size);
    }
    await this.#checkEnd();
  }

  /** The next entry, or undefined at the end of the archive. */
  async #findNext(): Promise<TarEntry | undefined> {
    await this.#fill(this.#block);
    const header = parseHeader(this.#block, undefined);
    if (header?.kind !== 'extension') return header;
    if (header.size > MAX_EXTENSION_BYTES) throw makeDamaged('an extended header in its archive is too long');
    const body = Buffer.alloc(header.size);
    await this.#fill(body);
    await this.#skipPadding(header.size);
    await this.#fill(this.#block);
    const entry = parseHeader(this.#block, parseExtension(body));
    if (entry === undefined || entry.kind === 'extension') {
      throw makeDamaged('an extended header in its archive stands alone');
    }
    return entry;
  }

  /** Before anything is written. */
  #admit({ path, size, kind }: TarEntry): void {
    if (this.#kinds.has(path)) throw makeDamaged('its archive holds an entry twice');
    const parent = dirname(path);
    if (parent !== '.' && this.#kinds.get(parent) !== 'folder') {
      throw makeDamaged('an entry in its archive lies in no folder');
    }
    this.#kinds.set(path, kind);
    this.#bytes += size;
    const { maxBytes, maxEntries } = this.#limits;
    if (this.#kinds.size > maxEntries) throw makeTooLarge(`more than ${maxEntries} files and folders`);
    if (this.#bytes > maxBytes) throw makeTooLarge(`more than ${maxBytes} bytes`);
  }

  async *#content(size: number): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0; ) {
      const piece = this.#piece.subarray(0, Math.min(left, this.#piece.length));
      await this.#fill(piece);
      yield piece;
      left -= piece.length;
    }
    await this.#skipPadding(size);
  }

  async #skipPadding(size: number): Promise<void> {
    const padding = this.#block.subarray(0, paddingOf(size));
    await this.#fill(padding);
    checkEmpty(padding);
  }

  /** The second of two empty blocks, and nothing behind it but zeros. */
  async #checkEnd(): Promise<void> {
    await this.#fill(this.#block);
    checkEmpty(this.#block);
    let bytes = 0;
    for await (const piece of this.#reader.rest()) {
      checkEmpty(piece);
      bytes += piece.length;
      if (bytes > MAX_END_BYTES) throw makeDamaged('something follows the end of its archive');
    }
  }

  async #fill(target: Uint8Array): Promise<void> {
    if ((await this.#reader.fill(target)) < target.length) throw makeDamaged('its archive was cut off');
  }
}

function checkEmpty(bytes: Uint8Array): void {
  if (bytes.some((byte) => byte !== 0)) throw makeDamaged('its archive has content where there is none');
}

function makeTooLarge(what: string): AppError {
  return new AppError('VAULT_TOO_LARGE', { message: `The sealed session was refused: it holds ${what}.` });
}
