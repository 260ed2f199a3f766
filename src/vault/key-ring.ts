import { hkdfSync, randomBytes } from 'node:crypto';
import { AppError } from '../lib/errors.ts';
import { KEY_BYTES } from './aead.ts';
import { type DataKeyUnwrapper, type DataKeyWrapper, findDataKey, lockDataKey } from './key-wrap.ts';
import { findSecret, findSecretMethod, lockSecret } from './sealed-secret.ts';
import { makeDamaged, nameToText, type SnapshotIdentity, type SnapshotName } from './snapshot.ts';
import { KEY_ID_BYTES, type KeyWrap, SALT_BYTES, type VaultHeader, type WrapMethod } from './vault-header.ts';

const WRAP_INFO = 'switchboard vault wrap v1';
const SECRET_INFO = 'switchboard secret v1';
const KEY_ID_INFO = 'switchboard vault key id v1';

/**
 * The keys of ENCRYPTION_KEY and ENCRYPTION_KEY_PREVIOUS: all may open, the current one alone seals. Disposing zeroes
 * them and is safe twice; a closed ring neither opens nor seals.
 */
export interface KeyRing extends Disposable, DataKeyWrapper, DataKeyUnwrapper {
  /** 16 hexadecimal digits, derived from the key; it gives nothing of the key away and may be shown. */
  readonly currentKeyId: string;
  /** The current one first. */
  readonly keyIds: readonly string[];
  /** @throws AppError VAULT_STORAGE_FAILED once the ring is closed */
  wrap(identity: SnapshotIdentity, dataKey: Uint8Array): KeyWrap;
  /**
   * The data key, which the caller zeroes.
   * @throws AppError VAULT_KEY_MISSING, details {keyId, accountId, generation}, if the key it needs is not here;
   * VAULT_DAMAGED if it is here and does not open it; VAULT_STORAGE_FAILED once the ring is closed
   */
  unwrap(header: VaultHeader): Buffer;
  /** Seals a short secret, for the database; `of` says what it is of. @throws AppError VAULT_STORAGE_FAILED */
  sealSecret(of: string, plain: Uint8Array): Buffer;
  /** @throws AppError VAULT_KEY_MISSING, VAULT_DAMAGED, VAULT_STORAGE_FAILED once the ring is closed */
  openSecret(of: string, sealed: Uint8Array): Buffer;
  /** True if the current key sealed it. */
  isSealedByCurrent(sealed: Uint8Array): boolean;
}

/** A ring of copies of these keys of 32 bytes each. @throws AppError CONFIG_INVALID for another length */
export function makeKeyRing(keys: {
  readonly current: Uint8Array;
  readonly previous: readonly Uint8Array[];
}): KeyRing {
  return new HeldKeyRing([keys.current, ...keys.previous]);
}

const DAMAGED_SECRET = 'A sealed secret was changed, or is not what it is taken for.';

/** Which key of the ring, with which salt. */
interface DerivedFrom {
  readonly keyId: string;
  readonly salt: Uint8Array;
}

class HeldKeyRing implements KeyRing {
  readonly currentKeyId: string;
  readonly keyIds: readonly string[];
  readonly #masters: ReadonlyMap<string, Buffer>;
  #isClosed = false;

  constructor(keys: readonly Uint8Array[]) {
    const masters = new Map<string, Buffer>();
    for (const key of keys) {
      if (key.length !== KEY_BYTES) {
        throw new AppError('CONFIG_INVALID', { message: `An encryption key has ${KEY_BYTES} bytes.` });
      }
      const id = keyToId(key);
      if (!masters.has(id)) masters.set(id, Buffer.from(key));
    }
    this.#masters = masters;
    this.keyIds = [...masters.keys()];
    this.currentKeyId = this.keyIds[0] ?? '';
  }

  wrap(identity: SnapshotIdentity, dataKey: Uint8Array): KeyWrap {
    const method = { kind: 'key-ring', keyId: this.currentKeyId, salt: randomBytes(SALT_BYTES) } as const;
    return this.#withWrappingKey(method, (key) => lockDataKey(dataKey, key, { identity, method }));
  }

  sealSecret(of: string, plain: Uint8Array): Buffer {
    const method = { keyId: this.currentKeyId, salt: randomBytes(SALT_BYTES) };
    return this.#withKey(method, SECRET_INFO, (key) => lockSecret(plain, key, { of, method }));
  }

  openSecret(of: string, sealed: Uint8Array): Buffer {
    const method = findSecretMethod(sealed);
    if (method === undefined) throw new AppError('VAULT_DAMAGED', { message: DAMAGED_SECRET });
    if (!this.#masters.has(method.keyId)) {
      throw new AppError('VAULT_KEY_MISSING', {
        message:
          `A sealed secret needs the encryption key with the id ${method.keyId}. At hand: ${this.keyIds.join(', ')}. ` +
          'Give it as ENCRYPTION_KEY or in ENCRYPTION_KEY_PREVIOUS.',
      });
    }
    const plain = this.#withKey(method, SECRET_INFO, (key) => findSecret(sealed, key, of));
    if (plain === undefined) throw new AppError('VAULT_DAMAGED', { message: DAMAGED_SECRET });
    return plain;
  }

  isSealedByCurrent(sealed: Uint8Array): boolean {
    return findSecretMethod(sealed)?.keyId === this.currentKeyId;
  }

  unwrap(header: VaultHeader): Buffer {
    const { identity, method } = header;
    if (method.kind !== 'key-ring') {
      throw makeDamaged('it is an export that only its passphrase opens; import it', identity);
    }
    if (!this.#masters.has(method.keyId)) throw this.#findMissing(header, method);
    const dataKey = this.#withWrappingKey(method, (key) => findDataKey(header, key));
    if (dataKey === undefined) throw makeDamaged('its head was changed', identity);
    return dataKey;
  }

  /**
   * A key id that was changed looks like a key that is missing, until one that is here opens the file under its own
   * name: then another copy of the file may be fine, while a missing key is missing for every copy.
   */
  #findMissing(header: VaultHeader, method: WrapMethod): AppError {
    const { identity } = header;
    for (const keyId of this.keyIds) {
      const own = { kind: 'key-ring', keyId, salt: method.salt } as const;
      const dataKey = this.#withWrappingKey(own, (key) => findDataKey({ ...header, method: own }, key));
      dataKey?.fill(0);
      if (dataKey) return makeDamaged('the id of its key was changed', identity);
    }
    return makeKeyMissing(identity, method.kind === 'key-ring' ? method.keyId : '', this);
  }

  #withWrappingKey<T>(method: DerivedFrom, use: (key: Buffer) => T): T {
    return this.#withKey(method, WRAP_INFO, use);
  }

  #withKey<T>(method: DerivedFrom, info: string, use: (key: Buffer) => T): T {
    const master = this.#masters.get(method.keyId);
    // Zeroed keys would go on sealing, for anybody to open.
    if (this.#isClosed || master === undefined) {
      throw new AppError('VAULT_STORAGE_FAILED', { message: 'The key ring is closed: the daemon stops.' });
    }
    const key = derive(master, method.salt, info, KEY_BYTES);
    try {
      return use(key);
    } finally {
      key.fill(0);
    }
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const master of this.#masters.values()) master.fill(0);
  }
}

/** Says which key a snapshot needs, and which are here. */
export function makeKeyMissing(
  name: SnapshotName,
  keyId: string,
  { keyIds }: Pick<KeyRing, 'keyIds'>,
): AppError {
  const { accountId, generation } = name;
  return new AppError('VAULT_KEY_MISSING', {
    message:
      `The sealed session (${nameToText(name)}) needs the encryption key with the id ${keyId}. ` +
      `At hand: ${keyIds.join(', ')}. Give it as ENCRYPTION_KEY or in ENCRYPTION_KEY_PREVIOUS.`,
    details: { keyId, accountId, generation },
  });
}

export function keyToId(key: Uint8Array): string {
  return derive(key, new Uint8Array(), KEY_ID_INFO, KEY_ID_BYTES).toString('hex');
}

function derive(key: Uint8Array, salt: Uint8Array, info: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, info, bytes));
}
