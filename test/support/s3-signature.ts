import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { S3Config } from '../../src/config/config.ts';

/** How long a signature is good, in milliseconds: what Amazon says. */
const MAX_SKEW_MS = 15 * 60_000;

/** The code with which S3 would refuse the request for its signature, computed here from what was sent. */
export function findRefusal(
  { method, headers }: IncomingMessage,
  url: URL,
  config: S3Config,
): string | undefined {
  const form = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
  const [, credential, names = '', signature] = form.exec(headers.authorization ?? '') ?? [];
  const at = String(headers['x-amz-date'] ?? '');
  const scope = `${at.slice(0, 8)}/${config.region}/s3/aws4_request`;
  if (signature === undefined || credential !== `${config.accessKeyId}/${scope}`) return 'InvalidAccessKeyId';
  const signed = names.split(';');
  if (!['host', 'x-amz-content-sha256', 'x-amz-date'].every((name) => signed.includes(name))) {
    return 'AccessDenied';
  }
  const instant = Date.parse(at.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'));
  if (!(Math.abs(Date.now() - instant) < MAX_SKEW_MS)) return 'RequestTimeTooSkewed';
  const query = [...url.searchParams].map((pair) => pair.map(escapeAll).join('=')).sort();
  const canonical = [
    method,
    decodeURIComponent(url.pathname).split('/').map(escapeAll).join('/'),
    query.join('&'),
    ...signed.map((name) => `${name}:${String(headers[name]).trim()}`),
    '',
    names,
    String(headers['x-amz-content-sha256']),
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', at, scope, sha256(canonical)].join('\n');
  const secret: string | Buffer = `AWS4${config.secretAccessKey}`;
  const key = scope.split('/').reduce<string | Buffer>((last, part) => hmac(last, part).digest(), secret);
  return hmac(key, text).digest('hex') === signature ? undefined : 'SignatureDoesNotMatch';
}

function hmac(key: string | Buffer, text: string) {
  return createHmac('sha256', key).update(text);
}

/** In hexadecimal digits. */
export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** As RFC 3986 has it, which leaves fewer characters as they are than the language does. */
function escapeAll(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
