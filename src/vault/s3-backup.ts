import type { S3Config } from '../config/config.ts';
import { bucketToUrl, snapshotToKey } from './s3-address.ts';
import { DEFAULT_S3_LIMITS, S3Client, type S3Limits } from './s3-client.ts';
import { drain, hashFile, putObject, S3Reading } from './s3-object.ts';
import { listVersions } from './s3-versions.ts';
import { makeDamaged, type SnapshotName } from './snapshot.ts';
import type { SnapshotBackup, SnapshotFile } from './snapshot-backup.ts';

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
    { limits = DEFAULT_S3_LIMITS, signal = new AbortController().signal }: S3Options,
  ) {
    this.#client = new S3Client(config, { limits, signal, failure: 'VAULT_STORAGE_FAILED' });
    this.#bucket = bucketToUrl(config);
    this.#prefix = config.prefix;
  }

  async save(snapshot: SnapshotFile): Promise<void> {
    await this.#client.retry('The copy could not be written to S3', async () =>
      putObject(this.#client, this.#urlOf(snapshot), await hashFile(snapshot.path)),
    );
  }

  read(accountId: SnapshotName['accountId'], generation: number): AsyncIterable<Uint8Array> {
    const name = { accountId, generation };
    return new S3Reading({
      client: this.#client,
      url: this.#urlOf(name),
      what: 'The copy could not be read from S3',
      makeGone: () => makeDamaged('its copy in S3 is gone or another one', name),
    });
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
