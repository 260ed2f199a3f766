/**
 * The head of a sealed file, 145 bytes, big endian; docs/vault-format.md has the layout. The first 41 bytes, the
 * identity, stay the same for as long as the snapshot exists; the rest says how its data key is wrapped and is replaced
 * when the key changes. Whatever is not exactly as written here is refused.
 */
import { type AccountId, parseAccountId } from '../accounts/ids.ts';
import { AppError } from '../lib/errors.ts';
import { KEY_BYTES, NONCE_BYTES, TAG_BYTES } from './aead.ts';
import { makeDamaged, type SnapshotIdentity, type SnapshotName } from './snapshot.ts';

const MAGIC = Buffer.from('SWBVAULT', 'latin1');
const VERSION = 1;

const VERSION_AT = 8;
const ACCOUNT_AT = 9;
const GENERATION_AT = 25;
const SEALED_AT = 33;
const KIND_AT = 41;
const KEY_ID_AT = 42;
const SALT_AT = 50;
const COST_AT = 82;
const LOCKED_AT = 85;

export const KEY_ID_BYTES = 8;
export const SALT_BYTES = 32;
/** Nonce, encrypted data key, tag. */
export const LOCKED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES;
export const HEADER_BYTES = LOCKED_AT + LOCKED_BYTES;

/** The latest instant that a Date can hold, milliseconds since 1970. */
const MAX_TIME_MS = 8.64e15;

/**
 * What scrypt may be asked for by a file, so that a hostile one takes neither the memory nor the minutes of the daemon:
 * 128 · N · r bytes, p times over.
 */
const MIN_LOG2_N = 14;
const MAX_SCRYPT_BYTES = 256 * 1024 ** 2;
const MAX_P = 4;

const KINDS = { 'key-ring': 1, passphrase: 2 } as const;

/** Parameters of scrypt; N is 2 to the power of `log2N`. */
export interface ScryptCost {
  readonly log2N: number;
  readonly r: number;
  readonly p: number;
}

/** How the key that wraps the data key is derived: from the key with this id, or from a passphrase. */
export type WrapMethod =
  | { readonly kind: 'key-ring'; readonly keyId: string; readonly salt: Uint8Array }
  | { readonly kind: 'passphrase'; readonly cost: ScryptCost; readonly salt: Uint8Array };

/** A wrapped data key: `locked` is nonce ‖ ciphertext ‖ tag, 60 bytes. */
export interface KeyWrap {
  readonly method: WrapMethod;
  readonly locked: Uint8Array;
}

export interface VaultHeader extends KeyWrap {
  readonly identity: SnapshotIdentity;
}

/** The 41 bytes that every part of the file is bound to. */
export function identityToBytes({ accountId, generation, sealedAt }: SnapshotIdentity): Buffer {
  const sealedAtMs = sealedAt.getTime();
  if (!Number.isSafeInteger(generation) || generation < 1 || !(sealedAtMs >= 0)) {
    throw new AppError('INTERNAL', { message: 'A snapshot has a generation from 1 up and a time.' });
  }
  const bytes = Buffer.alloc(KIND_AT);
  MAGIC.copy(bytes);
  bytes.writeUInt8(VERSION, VERSION_AT);
  bytes.write(accountId.replaceAll('-', ''), ACCOUNT_AT, 'hex');
  bytes.writeBigUInt64BE(BigInt(generation), GENERATION_AT);
  bytes.writeBigUInt64BE(BigInt(sealedAtMs), SEALED_AT);
  return bytes;
}

/** Everything before the nonce: what the wrapped data key is bound to. */
export function bindingToBytes(identity: SnapshotIdentity, method: WrapMethod): Buffer {
  const bytes = Buffer.alloc(LOCKED_AT);
  identityToBytes(identity).copy(bytes);
  bytes.writeUInt8(KINDS[method.kind], KIND_AT);
  bytes.set(method.salt, SALT_AT);
  switch (method.kind) {
    case 'key-ring':
      bytes.write(method.keyId, KEY_ID_AT, 'hex');
      break;
    case 'passphrase':
      bytes.set([method.cost.log2N, method.cost.r, method.cost.p], COST_AT);
      break;
    default:
      method satisfies never;
  }
  return bytes;
}

export function headerToBytes({ identity, method, locked }: VaultHeader): Buffer {
  return Buffer.concat([bindingToBytes(identity, method), locked]);
}

/**
 * The inverse of `headerToBytes`. Nothing in it is proven yet: that is done by unwrapping. `name` is for the error only.
 * @throws AppError VAULT_DAMAGED for every value that the format does not know
 */
export function parseHeader(raw: Uint8Array, name?: SnapshotName): VaultHeader {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw makeDamaged('it does not begin as a sealed session does', name);
  }
  const version = bytes[VERSION_AT];
  if (version !== undefined && version !== VERSION) {
    throw makeDamaged(
      `it is of format version ${version}, and this Switchboard reads version ${VERSION} alone`,
      name,
    );
  }
  if (bytes.length !== HEADER_BYTES) throw makeDamaged('its head is cut off', name);
  const identity = {
    accountId: parseUuid(bytes.subarray(ACCOUNT_AT, GENERATION_AT)),
    generation: Number(parseU64(bytes, GENERATION_AT, Number.MAX_SAFE_INTEGER, name)),
    sealedAt: new Date(Number(parseU64(bytes, SEALED_AT, MAX_TIME_MS, name))),
  };
  if (identity.generation === 0) throw makeDamaged('its head has no generation', name);
  const method = parseMethod(bytes, name);
  return { identity, method, locked: Buffer.from(bytes.subarray(LOCKED_AT)) };
}

function parseMethod(bytes: Buffer, name: SnapshotName | undefined): WrapMethod {
  const kind = bytes[KIND_AT];
  const keyId = bytes.toString('hex', KEY_ID_AT, SALT_AT);
  const salt = Buffer.from(bytes.subarray(SALT_AT, COST_AT));
  const [log2N = 0, r = 0, p = 0] = bytes.subarray(COST_AT, LOCKED_AT);
  if (kind === KINDS['key-ring']) {
    if (log2N + r + p > 0) throw makeDamaged('its head has parameters of scrypt beside a key', name);
    return { kind: 'key-ring', keyId, salt };
  }
  if (kind !== KINDS.passphrase)
    throw makeDamaged(`its head names an unknown kind of wrapping, ${kind}`, name);
  if (/[^0]/.test(keyId)) throw makeDamaged('its head names a key beside a passphrase', name);
  if (!isAllowed({ log2N, r, p })) {
    throw makeDamaged(`its head asks for scrypt with 2^${log2N}, ${r}, ${p}, which is out of bounds`, name);
  }
  return { kind: 'passphrase', cost: { log2N, r, p }, salt };
}

function isAllowed({ log2N, r, p }: ScryptCost): boolean {
  return log2N >= MIN_LOG2_N && r >= 1 && p >= 1 && p <= MAX_P && 128 * 2 ** log2N * r <= MAX_SCRYPT_BYTES;
}

function parseUuid(bytes: Buffer): AccountId {
  return parseAccountId(bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'));
}

function parseU64(bytes: Buffer, at: number, max: number, name: SnapshotName | undefined): bigint {
  const value = bytes.readBigUInt64BE(at);
  if (value > BigInt(max)) throw makeDamaged('its head has a number that is out of bounds', name);
  return value;
}
