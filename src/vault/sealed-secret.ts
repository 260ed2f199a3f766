import { randomBytes } from 'node:crypto';
import { findPlain, NONCE_BYTES, sealBytes } from './aead.ts';
import { KEY_ID_BYTES, SALT_BYTES } from './vault-header.ts';

/** 1: version, id of the key, salt, nonce, then ciphertext and tag. */
const VERSION = 1;
const KEY_ID_AT = 1;
const SALT_AT = KEY_ID_AT + KEY_ID_BYTES;
const NONCE_AT = SALT_AT + SALT_BYTES;
const TEXT_AT = NONCE_AT + NONCE_BYTES;

/** With which key of the ring, and how, the key that seals is derived. */
export interface SecretMethod {
  readonly keyId: string;
  readonly salt: Uint8Array;
}

/** Seals a short secret for the database; it opens only where it is told again what it is of. */
export function lockSecret(
  plain: Uint8Array,
  key: Uint8Array,
  { of, method }: { readonly of: string; readonly method: SecretMethod },
): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const head = Buffer.concat([Buffer.from([VERSION]), Buffer.from(method.keyId, 'hex'), method.salt, nonce]);
  const bound = Buffer.concat([head, Buffer.from(of)]);
  return Buffer.concat([head, sealBytes(plain, { key, nonce, bound })]);
}

/** Which key it needs; undefined for what was sealed in no way that is known. */
export function findSecretMethod(sealed: Uint8Array): SecretMethod | undefined {
  if (sealed[0] !== VERSION || sealed.length <= TEXT_AT) return undefined;
  const keyId = Buffer.from(sealed.subarray(KEY_ID_AT, SALT_AT)).toString('hex');
  return { keyId, salt: sealed.subarray(SALT_AT, NONCE_AT) };
}

/** Undefined if a bit of anything differs from what was sealed. */
export function findSecret(sealed: Uint8Array, key: Uint8Array, of: string): Buffer | undefined {
  const bound = Buffer.concat([sealed.subarray(0, TEXT_AT), Buffer.from(of)]);
  return findPlain(sealed.subarray(TEXT_AT), { key, nonce: sealed.subarray(NONCE_AT, TEXT_AT), bound });
}
