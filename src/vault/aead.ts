import { createCipheriv, createDecipheriv } from 'node:crypto';

const CIPHER = 'aes-256-gcm';

export const KEY_BYTES = 32;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

/** What one encryption is done with. A nonce is used once with a key; the bound bytes must be given again to open. */
export interface AeadInput {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 12 bytes. */
  readonly nonce: Uint8Array;
  readonly bound: Uint8Array;
}

/** Ciphertext, as long as the plaintext, followed by the tag of 16 bytes. */
export function sealBytes(plain: Uint8Array, { key, nonce, bound }: AeadInput): Buffer {
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(bound);
  const text = cipher.update(plain);
  return Buffer.concat([text, cipher.final(), cipher.getAuthTag()]);
}

/** The plaintext; undefined if a bit of anything differs from what was sealed. */
export function findPlain(sealed: Uint8Array, { key, nonce, bound }: AeadInput): Buffer | undefined {
  const length = sealed.length - TAG_BYTES;
  if (length < 0) return undefined;
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(bound);
  decipher.setAuthTag(sealed.subarray(length));
  const plain = decipher.update(sealed.subarray(0, length));
  try {
    decipher.final();
    return plain;
  } catch {
    // The only thing that final() refuses is a tag that does not fit.
    plain.fill(0);
    return undefined;
  }
}
