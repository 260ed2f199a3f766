import type { S3Client } from './s3-client.ts';

/** One object rarely has more versions than this many pages of a thousand; a storage that repeats itself has an end here. */
const MAX_PAGES = 100;

/**
 * The ids of all versions of one object, and of what marks it as removed.
 * @throws what the client throws, such as a refusal where listing is not allowed
 */
export async function listVersions(
  client: S3Client,
  { bucket, key }: { readonly bucket: URL; readonly key: string },
): Promise<readonly string[]> {
  const ids: string[] = [];
  let after: Readonly<Record<string, string>> = {};
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const url = new URL(bucket);
    for (const [name, value] of Object.entries({ versions: '', prefix: key, ...after })) {
      url.searchParams.set(name, value);
    }
    using answer = await client.send({ method: 'GET', url });
    const pieces: Uint8Array[] = [];
    for (let piece = await answer.next(); piece !== undefined; piece = await answer.next())
      pieces.push(piece);
    const listing = parseVersions(Buffer.concat(pieces).toString('utf8'), key);
    ids.push(...listing.ids);
    if (listing.next === null) return ids;
    after = listing.next;
  }
  return ids;
}

/** What a listing says of one object, and where the next page starts; keys of ours are written without escapes. */
export function parseVersions(
  xml: string,
  key: string,
): { readonly ids: readonly string[]; readonly next: Readonly<Record<string, string>> | null } {
  const entries = [...xml.matchAll(/<(Version|DeleteMarker)>(.*?)<\/\1>/gs)].map((match) => match[2] ?? '');
  const ids = entries.flatMap((entry) =>
    findText(entry, 'Key') === key ? (findText(entry, 'VersionId') ?? []) : [],
  );
  const nextKey = findText(xml, 'NextKeyMarker');
  if (findText(xml, 'IsTruncated') !== 'true' || nextKey === undefined) return { ids, next: null };
  const nextId = findText(xml, 'NextVersionIdMarker');
  const next = { 'key-marker': nextKey, ...(nextId === undefined ? {} : { 'version-id-marker': nextId }) };
  return { ids, next };
}

function findText(xml: string, tag: string): string | undefined {
  return new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1];
}
