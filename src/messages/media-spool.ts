import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileTypeFromFile } from 'file-type';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { makeTooLarge } from './media-kind.ts';
import { chooseMimeType } from './media-mime.ts';
import type { LocalFile, PutOptions, StoredFile } from './media-store.ts';

const INCOMING = '.incoming';
const FILE_MODE = 0o600;
export const FOLDER_MODE = 0o700;

/** A file on its way: synced, and removed when it is disposed unless it was renamed. */
export interface SpooledFile extends LocalFile {
  readonly sha256: string;
  readonly fileSize: number;
}

/** Opens the spool below an absolute path, making the folder if needed and removing what a crash left there. */
export async function openMediaSpool({ path, log }: { path: string; log: Logger }): Promise<MediaSpool> {
  const incoming = join(path, INCOMING);
  await mkdir(incoming, { recursive: true, mode: FOLDER_MODE });
  const parts = await readdir(incoming);
  for (const part of parts) await rm(join(incoming, part), { recursive: true, force: true });
  if (parts.length > 0) log.info('Half-written media files were removed', { count: parts.length });
  return new MediaSpool(incoming, log);
}

/** Where files are written until they are whole. One daemon uses the folder at a time. */
export class MediaSpool implements AsyncDisposable {
  readonly #path: string;
  readonly #log: Logger;
  readonly #running = new Set<Promise<unknown>>();

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /** Writes the bytes down, looks at what they are, and has them kept. Whatever fails, nothing stays in the spool. */
  async take(
    source: AsyncIterable<Uint8Array> | Uint8Array,
    options: PutOptions,
    keep: (file: SpooledFile) => Promise<void>,
  ): Promise<StoredFile> {
    const work = this.#take(source, options, keep);
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }

  async #take(
    source: AsyncIterable<Uint8Array> | Uint8Array,
    options: PutOptions,
    keep: (file: SpooledFile) => Promise<void>,
  ): Promise<StoredFile> {
    await using file = await this.write(source, options);
    const mimeType = chooseMimeType(await this.#sniff(file.path), options.declaredMimeType);
    const stored = { sha256: file.sha256, fileSize: file.fileSize, mimeType };
    options.check?.(stored);
    await keep(file);
    return stored;
  }

  /**
   * Writes the bytes down, in constant memory.
   * @throws AppError TOO_LARGE, and whatever the source throws; nothing is left then
   */
  async write(
    source: AsyncIterable<Uint8Array> | Uint8Array,
    limit: Pick<PutOptions, 'maxBytes' | 'field'>,
  ): Promise<SpooledFile> {
    const path = join(this.#path, randomUUID());
    const remove = () => rm(path, { force: true });
    try {
      const written = await writeMeasured(path, source, limit);
      return { path, ...written, [Symbol.asyncDispose]: remove };
    } catch (thrown) {
      await remove();
      throw thrown;
    }
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

  /** Waits for what is being taken; every source has a deadline of its own. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#running);
  }
}

async function writeMeasured(
  path: string,
  source: AsyncIterable<Uint8Array> | Uint8Array,
  { maxBytes, field }: Pick<PutOptions, 'maxBytes' | 'field'>,
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
  await using file = await open(path, 'wx', FILE_MODE);
  await file.writeFile(measured());
  await file.sync();
  return { sha256: hash.digest('hex'), fileSize };
}
