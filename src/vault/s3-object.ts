import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { S3Answer, S3Client } from './s3-client.ts';

/** Bytes that are read of a file at once. */
const READ_BYTES = 1024 ** 2;

/** A file whose hash is known. */
export interface HashedFile {
  readonly path: string;
  /** Size of the file. */
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Reads a file for its hash. */
export async function hashFile(path: string): Promise<HashedFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of readFile(path)) {
    hash.update(piece);
    bytes += piece.length;
  }
  return { path, bytes, sha256: hash.digest('hex') };
}

/** Puts a file there in one try, whole or not at all. It holds a piece of it in memory at a time. */
export async function putObject(client: S3Client, url: URL, file: HashedFile): Promise<void> {
  const { path, bytes, sha256 } = file;
  const body = { bytes, sha256, read: () => readFile(path) };
  using answer = await client.send({ method: 'PUT', url, body });
  await drain(answer);
}

/** When the object was put there last, in one try; undefined if there is none. */
export async function findPutAt(client: S3Client, url: URL): Promise<Date | undefined> {
  using answer = await client.send({ method: 'HEAD', url, accept: ({ status }) => status === 404 });
  const at = answer.headers.get('last-modified');
  return at === null ? undefined : new Date(at);
}

/** Removes the object in one try; where the bucket keeps versions, it hides it. */
export async function deleteObject(client: S3Client, url: URL): Promise<void> {
  using answer = await client.send({ method: 'DELETE', url, accept: ({ status }) => status === 404 });
  await drain(answer);
}

function readFile(path: string): AsyncIterable<Buffer> {
  return createReadStream(path, { highWaterMark: READ_BYTES });
}

/** Takes the rest of an answer, so that its connection serves again. */
export async function drain(answer: S3Answer): Promise<void> {
  while ((await answer.next()) !== undefined);
}

export interface ObjectSource {
  readonly client: S3Client;
  readonly url: URL;
  /** What failed, where it fails: the beginning of a sentence. */
  readonly what: string;
  /** What is thrown if there is no such object, or another one since reading began. */
  readonly makeGone: () => Error;
}

/**
 * An object as it is read, in pieces. A connection that breaks in the middle is taken up again where it broke, as long as
 * the object is the same. Disposing lets go of it, at any time.
 * @throws what `makeGone` makes, and as S3Client.retry does
 */
export class S3Reading implements AsyncIterableIterator<Uint8Array, undefined>, Disposable {
  readonly #source: ObjectSource;
  #answer: S3Answer | 'closed' | undefined;
  #offset = 0;
  #etag: string | null = null;
  #size: number | undefined;

  constructor(source: ObjectSource) {
    this.#source = source;
  }

  /** Bytes of the whole object; resolves once its head is there. */
  async size(): Promise<number> {
    if (this.#size === undefined) await this.#ask(async () => void (await this.#open()));
    return this.#size ?? 0;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const piece = await this.#ask(async () => (await this.#open())?.next());
    if (piece === undefined) {
      this[Symbol.dispose]();
      return { done: true, value: undefined };
    }
    this.#offset += piece.length;
    return { done: false, value: piece };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this[Symbol.dispose]();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #ask<T>(work: () => Promise<T>): Promise<T | undefined> {
    return this.#source.client.retry(this.#source.what, async () => {
      try {
        return await work();
      } catch (thrown) {
        if (this.#answer === 'closed') return undefined;
        this.#letGo();
        throw thrown;
      }
    });
  }

  /** The answer that is being read; undefined once nobody reads any more. */
  async #open(): Promise<S3Answer | undefined> {
    if (this.#answer !== undefined) return this.#answer === 'closed' ? undefined : this.#answer;
    const answer = await this.#request();
    // Disposed meanwhile.
    if (this.#answer === 'closed') {
      answer[Symbol.dispose]();
      return undefined;
    }
    this.#answer = answer;
    return answer;
  }

  async #request(): Promise<S3Answer> {
    const { client, url, makeGone } = this.#source;
    const range = { range: `bytes=${this.#offset}-`, 'if-match': this.#etag ?? '' };
    let isGone = false;
    const answer = await client.send({
      method: 'GET',
      url,
      ...(this.#offset > 0 && this.#etag !== null ? { headers: range } : {}),
      accept: ({ status, code }) => {
        isGone = (status === 404 && code !== 'NoSuchBucket') || status === 412;
        return isGone;
      },
    });
    if (isGone || (this.#offset > 0 && !isFrom(answer, this.#offset))) {
      answer[Symbol.dispose]();
      throw makeGone();
    }
    this.#etag = answer.headers.get('etag');
    this.#size ??= Number(answer.headers.get('content-length') ?? 0);
    return answer;
  }

  #letGo(): void {
    if (this.#answer !== undefined && this.#answer !== 'closed') this.#answer[Symbol.dispose]();
    this.#answer = undefined;
  }

  [Symbol.dispose](): void {
    this.#letGo();
    this.#answer = 'closed';
  }
}

function isFrom(answer: S3Answer, offset: number): boolean {
  return answer.headers.get('content-range')?.startsWith(`bytes ${offset}-`) === true;
}
