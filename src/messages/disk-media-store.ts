/**
 * Files by the hash of their content: `<path>/<first two hex>/<sha256>`, mode 0600 in folders of 0700.
 *
 * A file comes to its name only whole and on disk: it is written to `<path>/.incoming`, synced, renamed, and the
 * folder synced. A crash in between leaves a part that the next open removes; one daemon uses a folder at a time.
 */
import { access, mkdir, open, rename, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { AppError, errnoOf } from '../lib/errors.ts';
import { syncFolder } from '../lib/folders.ts';
import type { Logger } from '../lib/logger.ts';
import { FOLDER_MODE, type MediaSpool, openMediaSpool, type SpooledFile } from './media-spool.ts';
import {
  hashToPlace,
  type LocalFile,
  type MediaStore,
  type PutOptions,
  type StoredFile,
} from './media-store.ts';
import { removeUntouchedFile } from './untouched-file.ts';

/** Opens the store at an absolute path, making the folder if needed and removing what a crash left half-written. */
export async function openDiskMediaStore(options: {
  readonly path: string;
  readonly log: Logger;
}): Promise<MediaStore> {
  return new DiskMediaStore(options.path, await openMediaSpool(options));
}

class DiskMediaStore implements MediaStore {
  readonly #path: string;
  readonly #spool: MediaSpool;

  constructor(path: string, spool: MediaSpool) {
    this.#path = path;
    this.#spool = spool;
  }

  put(source: AsyncIterable<Uint8Array> | Uint8Array, options: PutOptions): Promise<StoredFile> {
    return this.#spool.take(source, options, (file) => this.#commit(file));
  }

  /** A rename over a file of the same hash changes nothing but heals a damaged one. */
  async #commit(file: SpooledFile): Promise<void> {
    const place = hashToPlace(file.sha256);
    const folder = join(this.#path, place.folder);
    const made = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    if (made !== undefined) await syncFolder(this.#path);
    const path = join(folder, place.name);
    await keepTime(path, file.path);
    await rename(file.path, path);
    await syncFolder(folder);
  }

  #pathOf(sha256: string): string {
    const { folder, name } = hashToPlace(sha256);
    return join(this.#path, folder, name);
  }

  async has(sha256: string): Promise<boolean> {
    try {
      await access(this.#pathOf(sha256));
      return true;
    } catch (thrown) {
      if (isMissing(thrown)) return false;
      throw thrown;
    }
  }

  async openRead(sha256: string): Promise<{ readonly stream: Readable; readonly fileSize: number }> {
    try {
      const file = await open(this.#pathOf(sha256));
      const { size } = await file.stat();
      return { stream: file.createReadStream(), fileSize: size };
    } catch (thrown) {
      throw isMissing(thrown) ? new AppError('MEDIA_NOT_FOUND', { cause: thrown }) : thrown;
    }
  }

  async openLocal(sha256: string): Promise<LocalFile> {
    if (!(await this.has(sha256))) throw new AppError('MEDIA_NOT_FOUND');
    return { path: this.#pathOf(sha256), [Symbol.asyncDispose]: async () => undefined };
  }

  removeUntouched(sha256: string, since: Date): Promise<boolean> {
    return removeUntouchedFile(this.#pathOf(sha256), since);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#spool[Symbol.asyncDispose]();
  }
}

/** Gives a file the time of the one it replaces: a browser that was given that one refuses to read what was changed since. */
async function keepTime(replaced: string, path: string): Promise<void> {
  try {
    const { atime, mtime } = await stat(replaced);
    await utimes(path, atime, mtime);
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown;
  }
}

function isMissing(thrown: unknown): boolean {
  return errnoOf(thrown) === 'ENOENT';
}
