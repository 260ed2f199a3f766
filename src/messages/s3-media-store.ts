/**
 * Files in a storage that speaks S3, by the hash of their content: `<prefix>/media/<first two hex>/<sha256>`.
 *
 * A file is written to `<path>/.incoming` first, for its hash is known only at its end; then to the storage, which takes it
 * whole or not at all. What is sent comes back into that folder for as long as it takes.
 *
 * A storage does not remove a file only if nobody has just put it there again. So who removes one looks at its time and
 * removes it behind a lock of the file; who puts one that may be removed waits for that lock afterwards, and puts it once
 * more if it is gone.
 */
import { Readable } from 'node:stream';
import type { S3Config } from '../config/config.ts';
import type { MediaLeavings } from '../db/media-leavings.ts';
import { untilAborted } from '../lib/abort.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { bucketToUrl, mediaToKey } from '../vault/s3-address.ts';
import { DEFAULT_S3_LIMITS, S3Client, type S3Limits } from '../vault/s3-client.ts';
import { deleteObject, findPutAt, putObject, S3Reading } from '../vault/s3-object.ts';
import { MAX_MEDIA_BYTES } from './media-kind.ts';
import { type MediaSpool, openMediaSpool, type SpooledFile } from './media-spool.ts';
import {
  hashToPlace,
  type LocalFile,
  type MediaStore,
  type PutOptions,
  type StoredFile,
} from './media-store.ts';

export interface S3MediaStoreOptions {
  readonly s3: S3Config;
  /** The folder of files that are on their way; absolute. */
  readonly path: string;
  readonly log: Logger;
  readonly leavings: MediaLeavings;
  /** Ends every transfer and every wait for the next try. */
  readonly signal: AbortSignal;
  readonly limits?: S3Limits;
}

/** Opens the store, making the folder if needed and removing what a crash left in it. The storage is not asked. */
export async function openS3MediaStore(options: S3MediaStoreOptions): Promise<MediaStore> {
  return new S3MediaStore(options, await openMediaSpool(options));
}

class S3MediaStore implements MediaStore {
  readonly #client: S3Client;
  readonly #bucket: URL;
  readonly #prefix: string;
  readonly #leavings: MediaLeavings;
  readonly #spool: MediaSpool;

  constructor({ s3, leavings, limits = DEFAULT_S3_LIMITS, signal }: S3MediaStoreOptions, spool: MediaSpool) {
    this.#client = new S3Client(s3, { limits, signal, failure: 'MEDIA_STORAGE_FAILED' });
    this.#bucket = bucketToUrl(s3);
    this.#prefix = s3.prefix;
    this.#leavings = leavings;
    this.#spool = spool;
  }

  put(source: AsyncIterable<Uint8Array> | Uint8Array, options: PutOptions): Promise<StoredFile> {
    return this.#spool.take(source, options, (file) => this.#keep(file));
  }

  async #keep(file: SpooledFile): Promise<void> {
    const { sha256 } = file;
    const mayGo = await this.#leavings.isLeft(sha256);
    do await this.#upload(file);
    while (mayGo && !(await this.#leavings.keeping(sha256, () => this.has(sha256))));
  }

  #upload({ path, sha256, fileSize }: SpooledFile): Promise<void> {
    const file = { path, sha256, bytes: fileSize };
    return this.#client.retry('The media could not be written to S3', () =>
      putObject(this.#client, this.#urlOf(sha256), file),
    );
  }

  async has(sha256: string): Promise<boolean> {
    using reading = this.#read(sha256);
    try {
      await reading.size();
      return true;
    } catch (thrown) {
      if (isAppError(thrown, 'MEDIA_NOT_FOUND')) return false;
      throw thrown;
    }
  }

  async openRead(sha256: string): Promise<{ readonly stream: Readable; readonly fileSize: number }> {
    const reading = this.#read(sha256);
    const fileSize = await reading.size();
    const stream = Readable.from(reading, { objectMode: false });
    // Also if it is destroyed before anything of it was read.
    stream.once('close', () => reading[Symbol.dispose]());
    return { stream, fileSize };
  }

  async openLocal(sha256: string, signal: AbortSignal): Promise<LocalFile> {
    using reading = this.#read(sha256);
    const limit = { maxBytes: MAX_MEDIA_BYTES };
    const file = await this.#spool.write(untilAborted(reading, signal), limit);
    if (file.sha256 === sha256) return file;
    await file[Symbol.asyncDispose]();
    throw new AppError('MEDIA_STORAGE_FAILED', { message: 'The media in S3 is not what was put there.' });
  }

  #read(sha256: string): S3Reading {
    return new S3Reading({
      client: this.#client,
      url: this.#urlOf(sha256),
      what: 'The media could not be read from S3',
      makeGone: () => new AppError('MEDIA_NOT_FOUND'),
    });
  }

  #urlOf(sha256: string): URL {
    return new URL(mediaToKey(this.#prefix, hashToPlace(sha256)), this.#bucket);
  }

  async removeUntouched(sha256: string, since: Date): Promise<boolean> {
    const url = this.#urlOf(sha256);
    const isUntouched = async () => ((await findPutAt(this.#client, url)) ?? since) < since;
    return this.#client.retry('The media could not be removed from S3', async () => {
      if (!(await isUntouched())) return false;
      return this.#leavings.removing(sha256, since, async () => {
        if (!(await isUntouched())) return false;
        await deleteObject(this.#client, url);
        return true;
      });
    });
  }

  /** Waits for what is being stored; every source has a deadline of its own. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#spool[Symbol.asyncDispose]();
  }
}
