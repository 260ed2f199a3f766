import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { S3Config } from '../config/config.ts';
import { bucketToUrl, snapshotToKey } from './s3-address.ts';
import { type S3Answer, type S3Body, S3Client, type S3Limits } from './s3-client.ts';
import { listVersions } from './s3-versions.ts';
import { makeDamaged, type SnapshotName } from './snapshot.ts';
import type { SnapshotBackup, SnapshotFile } from './snapshot-backup.ts';

/** A storage that is away costs half a minute, not the time in which a daemon must have stopped. */
const DEFAULT_LIMITS: S3Limits = { stallMs: 10_000, pausesMs: [250, 1_000] };

/** Bytes that are read of a file at once. */
const READ_BYTES = 1024 ** 2;

export interface S3Options {
  readonly limits?: S3Limits;
  /** Ends every transfer and every wait for the next try. */
  readonly signal?: AbortSignal;
}

/** Makes the backup in an S3-compatible storage. It holds a piece of a snapshot in memory at a time. */
export function makeS3Backup(config: S3Config, options: S3Options = {}): SnapshotBackup {
  return new S3Backup(config, options);
}

class S3Backup implements SnapshotBackup {
  readonly name = 's3';
  readonly #client: S3Client;
  readonly #bucket: URL;
  readonly #prefix: string;

  constructor(
    config: S3Config,
    { limits = DEFAULT_LIMITS, signal = new AbortController().signal }: S3Options,
  ) {
    this.#client = new S3Client(config, limits, signal);
    this.#bucket = bucketToUrl(config);
    this.#prefix = config.prefix;
  }

  async save(snapshot: SnapshotFile): Promise<void> {
    await this.#client.retry('The copy could not be written to S3', async () => {
      const body = await fileToBody(snapshot.path);
      using answer = await this.#client.send({ method: 'PUT', url: this.#urlOf(snapshot), body });
      await drain(answer);
    });
  }

  /** A connection that breaks in the middle is taken up again where it broke, as long as the object is the same. */
  async *read(accountId: SnapshotName['accountId'], generation: number): AsyncGenerator<Uint8Array> {
    const name = { accountId, generation };
    const place: Place = { offset: 0, etag: null };
    let answer: S3Answer | undefined;
    try {
      for (;;) {
        const piece = await this.#client.retry('The copy could not be read from S3', async () => {
          try {
            answer ??= await this.#open(name, place);
            return await answer.next();
          } catch (thrown) {
            answer?.[Symbol.dispose]();
            answer = undefined;
            throw thrown;
          }
        });
        if (piece === undefined) return;
        place.offset += piece.length;
        yield piece;
      }
    } finally {
      answer?.[Symbol.dispose]();
    }
  }

  async #open(name: SnapshotName, place: Place): Promise<S3Answer> {
    const { offset, etag } = place;
    let isGone = false;
    const answer = await this.#client.send({
      method: 'GET',
      url: this.#urlOf(name),
      ...(offset > 0 && etag !== null ? { headers: { range: `bytes=${offset}-`, 'if-match': etag } } : {}),
      accept: ({ status, code }) => {
        isGone = (status === 404 && code !== 'NoSuchBucket') || status === 412;
        return isGone;
      },
    });
    if (isGone || (offset > 0 && !isFrom(answer, offset))) {
      answer[Symbol.dispose]();
      throw makeDamaged('its copy in S3 is gone or another one', name);
    }
    place.etag = answer.headers.get('etag');
    return answer;
  }

  async remove(accountId: SnapshotName['accountId'], generations: readonly number[]): Promise<void> {
    for (const generation of generations) {
      await this.#client.retry('The copy could not be removed from S3', () =>
        this.#removeObject(snapshotToKey(this.#prefix, { accountId, generation })),
      );
    }
  }

  /** Where the bucket keeps old versions, a removed object is only hidden: then all its versions are removed. */
  async #removeObject(key: string): Promise<void> {
    if (!(await this.#delete(key, null))) return;
    const versions = await listVersions(this.#client, { bucket: this.#bucket, key });
    for (const versionId of versions) await this.#delete(key, versionId);
  }

  /** True if something was put in the place of what was removed. */
  async #delete(key: string, versionId: string | null): Promise<boolean> {
    const url = new URL(key, this.#bucket);
    if (versionId !== null) url.searchParams.set('versionId', versionId);
    using answer = await this.#client.send({
      method: 'DELETE',
      url,
      accept: ({ status, code }) => status === 404 && code !== 'NoSuchBucket',
    });
    await drain(answer);
    return versionId === null && answer.headers.get('x-amz-delete-marker') === 'true';
  }

  #urlOf(name: SnapshotName): URL {
    return new URL(snapshotToKey(this.#prefix, name), this.#bucket);
  }
}

/** How far an object was read, and which one. */
interface Place {
  offset: number;
  etag: string | null;
}

function isFrom(answer: S3Answer, offset: number): boolean {
  return answer.headers.get('content-range')?.startsWith(`bytes ${offset}-`) === true;
}

/** The file is read twice: once for its hash, once on its way. */
async function fileToBody(path: string): Promise<S3Body> {
  const read = () => createReadStream(path, { highWaterMark: READ_BYTES });
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of read() as AsyncIterable<Buffer>) {
    hash.update(piece);
    bytes += piece.length;
  }
  return { bytes, sha256: hash.digest('hex'), read };
}

/** Takes the rest of an answer, so that its connection serves again. */
async function drain(answer: S3Answer): Promise<void> {
  while ((await answer.next()) !== undefined);
}
