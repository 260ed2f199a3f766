import { randomBytes } from 'node:crypto';
import { findPlain, NONCE_BYTES, sealBytes } from './aead.ts';
import type { SnapshotIdentity } from './snapshot.ts';
import { bindingToBytes, type KeyWrap, type VaultHeader, type WrapMethod } from './vault-header.ts';

/** Locks data keys away: a key ring, or a passphrase. */
export interface DataKeyWrapper {
  wrap(identity: SnapshotIdentity, dataKey: Uint8Array): KeyWrap | Promise<KeyWrap>;
}

/** Gets data keys back. The caller zeroes them after use. */
export interface DataKeyUnwrapper {
  unwrap(header: VaultHeader): Buffer | Promise<Buffer>;
}

/** Encrypts a data key; the result is bound to the snapshot and to how the wrapping key was derived. */
export function lockDataKey(
  dataKey: Uint8Array,
  wrappingKey: Uint8Array,
  { identity, method }: { readonly identity: SnapshotIdentity; readonly method: WrapMethod },
): KeyWrap {
  const nonce = randomBytes(NONCE_BYTES);
  const bound = bindingToBytes(identity, method);
  return { method, locked: Buffer.concat([nonce, sealBytes(dataKey, { key: wrappingKey, nonce, bound })]) };
}

/** The data key; undefined if this is not the wrapping key, or the head of the file was changed: GCM cannot tell. */
export function findDataKey({ identity, method, locked }: VaultHeader, key: Uint8Array): Buffer | undefined {
  const bound = bindingToBytes(identity, method);
  return findPlain(locked.subarray(NONCE_BYTES), { key, nonce: locked.subarray(0, NONCE_BYTES), bound });
}
