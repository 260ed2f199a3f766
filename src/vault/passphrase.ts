import { randomBytes, scrypt } from 'node:crypto';
import { AppError } from '../lib/errors.ts';
import { KEY_BYTES } from './aead.ts';
import { type DataKeyUnwrapper, type DataKeyWrapper, findDataKey, lockDataKey } from './key-wrap.ts';
import { SALT_BYTES, type ScryptCost } from './vault-header.ts';

/** 128 MiB and about half a second a guess. Files name theirs, so that this may be raised. */
const CURRENT_COST: ScryptCost = { log2N: 17, r: 8, p: 1 };

/** Whoever has the file can guess for as long as he likes, so that a short passphrase is none. */
const MIN_CHARACTERS = 12;

/** What wraps and unwraps data keys with a passphrase; each call costs memory and time, beside the event loop. */
export interface PassphraseLock extends DataKeyWrapper, DataKeyUnwrapper {}

/**
 * A lock of a passphrase (as UTF-8, in Unicode's form NFC). Wrapping refuses one under 12 characters; unwrapping refuses
 * a wrong one and a file that has none, all as VALIDATION_FAILED with `details` naming the field. A wrong passphrase
 * cannot be told from a changed head of the file; once it has opened the head, all else is VAULT_DAMAGED.
 */
export function makePassphraseLock(passphrase: string): PassphraseLock {
  return {
    async wrap(identity, dataKey) {
      if ([...passphrase].length < MIN_CHARACTERS) {
        throw refuse('passphrase', `The passphrase needs ${MIN_CHARACTERS} characters or more.`);
      }
      const method = { kind: 'passphrase', cost: CURRENT_COST, salt: randomBytes(SALT_BYTES) } as const;
      const key = await deriveKey(passphrase, method);
      try {
        return lockDataKey(dataKey, key, { identity, method });
      } finally {
        key.fill(0);
      }
    },

    async unwrap(header) {
      const { method } = header;
      if (method.kind !== 'passphrase') {
        throw refuse('file', `This file is no export: the encryption key ${method.keyId} opens it.`);
      }
      const key = await deriveKey(passphrase, method);
      try {
        const dataKey = findDataKey(header, key);
        if (dataKey) return dataKey;
      } finally {
        key.fill(0);
      }
      throw refuse(
        'passphrase',
        'This is not the passphrase that the file was exported with, or the file was changed.',
      );
    },
  };
}

/** Takes half a second of another thread. */
async function deriveKey(
  passphrase: string,
  { cost, salt }: { readonly cost: ScryptCost; readonly salt: Uint8Array },
): Promise<Buffer> {
  const N = 2 ** cost.log2N;
  const { r, p } = cost;
  const bytes = Buffer.from(passphrase.normalize('NFC'), 'utf8');
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  // The library's limit counts a little more than the 128 · N · r bytes of the algorithm itself.
  const limits = { N, r, p, maxmem: 256 * N * r };
  try {
    scrypt(bytes, salt, KEY_BYTES, limits, (error, key) => (error ? reject(error) : resolve(key)));
    return await promise;
  } finally {
    bytes.fill(0);
  }
}

function refuse(field: 'passphrase' | 'file', message: string): AppError {
  return new AppError('VALIDATION_FAILED', { message, details: [{ field, message }] });
}
