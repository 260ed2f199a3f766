/**
 * Files by the hash of their content: `<path>/<first two hex>/<sha256>`, mode 0600 in folders of 0700.
 *
 * A file comes to its name only whole and on disk: it is written to `<path>/.incoming`, synced, renamed, and the
 * folder synced. A crash in between leaves a part that the next open removes; one daemon uses a folder at a time.
 */
import { createHash, randomUUID } from 'node:crypto';
import { access, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileTypeFromFile } from 'file-type';
import { AppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { makeTooLarge } from './media-kind.ts';
import { chooseMimeType } from './media-mime.ts';

const INCOMING = '.incoming';
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const SHA256 = /^[0-9a-f]{64}$/;

export interface StoredFile {
  /** Lower-case hex. */
  readonly sha256: string;
  /** Bytes. */
  readonly fileSize: number;
  /** As the bytes say, else as declared. */
  readonly mimeType: string;
}

export interface PutOptions {
  readonly maxBytes: number;
  readonly declaredMimeType: string | null;
  /** Name of the part of a request that TOO_LARGE is about; `media` if not given. */
  readonly field?: string;
  /** Called when size and type are known; if it throws, nothing is kept. */
  readonly check?: (file: StoredFile) => void;
}

export interface MediaStore extends AsyncDisposable {
  /**
   * Stores the bytes; the same bytes again are the same file. Streams are taken in constant memory.
   * @throws AppError TOO_LARGE, and whatever the source or `check` throws; nothing is kept then
   */
  put(source: AsyncIterable<Uint8Array> | Uint8Array, options: PutOptions): Promise<StoredFile>;
  /** Absolute path of the file, whether or not it is there. */
  pathOf(sha256: string): string;
  has(sha256: string): Promise<boolean>;
  /**
   * A stream of the file, which the caller reads to its end or destroys.
   * @throws AppError MEDIA_NOT_FOUND
   */
  openRead(sha256: string): Promise<{ readonly stream: Readable; readonly fileSize: number }>;
}

/** Opens the store at an absolute path, making the folder if needed and removing what a crash left half-written. */
export async function openMediaStore(options: {
  readonly path: string;
  readonly log: Logger;
}): Promise<MediaStore> {
  const incoming = join(options.path, INCOMING);
  await mkdir(incoming, { recursive: true, mode: FOLDER_MODE });
  const parts = await readdir(incoming);
  for (const part of parts) await rm(join(incoming, part), { recursive: true, force: true });
  if (parts.length > 0) options.log.info('Half-written media files were removed', { count: parts.length });
  return new FileMediaStore(options.path, options.log);
}

class FileMediaStore implements MediaStore {
  readonly #path: string;
  readonly #log: Logger;
  readonly #running = new Set<Promise<unknown>>();

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  async put(source: AsyncIterable<Uint8Array> | Uint8Array, options: PutOptions): Promise<StoredFile> {
    const work = this.#put(source, options);
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }

  async #put(source: AsyncIterable<Uint8Array> | Uint8Array, options: PutOptions): Promise<StoredFile> {
    const part = join(this.#path, INCOMING, randomUUID());
    try {
      const written = await writePart(part, source, options);
      const mimeType = chooseMimeType(await this.#sniff(part), options.declaredMimeType);
      const stored = { ...written, mimeType };
      options.check?.(stored);
      await this.#commit(part, stored.sha256);
      return stored;
    } catch (thrown) {
      await rm(part, { force: true });
      throw thrown;
    }
  }

  /** A rename over a file of the same hash changes nothing but heals a damaged one. */
  async #commit(part: string, sha256: string): Promise<void> {
    const folder = join(this.#path, sha256.slice(0, 2));
    const made = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    if (made !== undefined) await syncFolder(this.#path);
    await rename(part, join(folder, sha256));
    await syncFolder(folder);
  }

  async #sniff(path: string): Promise<string | undefined> {
    try {
      return (await fileTypeFromFile(path))?.mime;
    } catch (thrown) {
      this.#log.debug('The type of a media file could not be read from its bytes', {
        error: toError(thrown).message,
      });
      return undefined;
    }
  }

  pathOf(sha256: string): string {
    if (!SHA256.test(sha256)) throw new TypeError('Not a SHA-256 in lower-case hex.');
    return join(this.#path, sha256.slice(0, 2), sha256);
  }

  async has(sha256: string): Promise<boolean> {
    try {
      await access(this.pathOf(sha256));
      return true;
    } catch (thrown) {
      if (isMissing(thrown)) return false;
      throw thrown;
    }
  }

  async openRead(sha256: string): Promise<{ readonly stream: Readable; readonly fileSize: number }> {
    try {
      const file = await open(this.pathOf(sha256));
      const { size } = await file.stat();
      return { stream: file.createReadStream(), fileSize: size };
    } catch (thrown) {
      if (isMissing(thrown)) throw new AppError('MEDIA_NOT_FOUND', { cause: thrown });
      throw thrown;
    }
  }

  /** Waits for what is being stored; every source has a deadline of its own. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#running);
  }
}

async function writePart(
  part: string,
  source: AsyncIterable<Uint8Array> | Uint8Array,
  { maxBytes, field }: PutOptions,
): Promise<{ sha256: string; fileSize: number }> {
  const hash = createHash('sha256');
  let fileSize = 0;
  async function* measured(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source instanceof Uint8Array ? [source] : source) {
      fileSize += chunk.byteLength;
      if (fileSize > maxBytes) throw makeTooLarge(field ?? 'media', maxBytes);
      hash.update(chunk);
      yield chunk;
    }
  }
  await using file = await open(part, 'wx', FILE_MODE);
  await file.writeFile(measured());
  await file.sync();
  return { sha256: hash.digest('hex'), fileSize };
}

/** Makes a rename in the folder outlast a power cut. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path);
  await folder.sync();
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown as NodeJS.ErrnoException).code === 'ENOENT';
}
