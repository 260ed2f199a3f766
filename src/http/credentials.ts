import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** What a key may consist of: printable ASCII, 32 characters or more, so that it fits every header. */
const KEY = /^[\x21-\x7e]{32,512}$/;

const KEY_BYTES = 32;
/** Enough to recognise a key by, too little to guess it from. */
const PREFIX_LENGTH = 6;

/** A new API key. */
export function makeKey(): string {
  return `sb_${randomBytes(KEY_BYTES).toString('base64url')}`;
}

/** What may be shown of a key. */
export function keyToPrefix(key: string): string {
  return key.slice(0, PREFIX_LENGTH);
}

/** What a request brings to say who asks; undefined if it brings nothing. The key may still be wrong. */
export function findPresentedKey(
  headers: IncomingHttpHeaders,
  options: { readonly allowBasic: boolean },
): string | undefined {
  const apiKey = headers['x-api-key'];
  if (typeof apiKey === 'string') return apiKey.trim();
  const [scheme, value] = splitOnce(headers.authorization?.trim() ?? '');
  switch (scheme.toLowerCase()) {
    case '':
      return undefined;
    case 'bearer':
      return value;
    case 'basic':
      return options.allowBasic ? basicToPassword(value) : '';
    default:
      return '';
  }
}

/** True if the text can be a key at all. */
export function isKeyText(text: string): boolean {
  return KEY.test(text);
}

/** What is stored of a key: SHA-256 in lower-case hex. Keys are random, so no slow hash is needed. */
export function keyToHash(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex');
}

/** Compares two hashes in a time that does not tell where they differ. */
export function areHashesEqual(a: string, b: string): boolean {
  const left = Buffer.from(a, 'hex');
  const right = Buffer.from(b, 'hex');
  return left.length === right.length && timingSafeEqual(left, right);
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf(' ');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1).trim()];
}

/** The password of HTTP Basic; the user name does not matter. */
function basicToPassword(value: string): string {
  const text = Buffer.from(value, 'base64').toString('utf8');
  return text.slice(text.indexOf(':') + 1);
}
