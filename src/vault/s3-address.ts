import type { S3Config } from '../config/config.ts';
import type { SnapshotName } from './snapshot.ts';

/** Hosts of Amazon itself, which wants the bucket in the host name; other servers are certain to know it in the path. */
const AMAZON = /(?:^|\.)amazonaws\.com(?:\.cn)?$/;

/** Buckets that can be part of a host name, and that a wildcard certificate covers. */
const HOST_LABEL = /^[a-z0-9-]+$/;

/** Where the bucket is, with a slash at the end. */
export function bucketToUrl({
  bucket,
  endpoint,
  region,
}: Pick<S3Config, 'bucket' | 'endpoint' | 'region'>): URL {
  const url = new URL(endpoint ?? amazonEndpoint(region));
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  if (AMAZON.test(url.hostname) && HOST_LABEL.test(bucket)) {
    if (!url.hostname.startsWith(`${bucket}.`)) url.hostname = `${bucket}.${url.hostname}`;
  } else {
    url.pathname += `${bucket}/`;
  }
  return url;
}

function amazonEndpoint(region: string): string {
  return `https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

/** The name of a stored file's object within the bucket; the same below `media` as below a folder on the disk. */
export function mediaToKey(prefix: string, { folder, name }: { folder: string; name: string }): string {
  return `${prefix}/media/${folder}/${name}`;
}

/** The name of a snapshot's object within the bucket: only characters that need no escaping anywhere. */
export function snapshotToKey(prefix: string, { accountId, generation }: SnapshotName): string {
  return `${prefix}/${accountId}/${generation}.vault`;
}
