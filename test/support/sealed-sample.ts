import { createHash } from 'node:crypto';
import { parseAccountId } from '../../src/accounts/ids.ts';
import { makeKeyRing } from '../../src/vault/key-ring.ts';
import type { DataKeyWrapper } from '../../src/vault/key-wrap.ts';
import { sealStream } from '../../src/vault/sealed-stream.ts';
import type { SnapshotIdentity } from '../../src/vault/snapshot.ts';
import { collect, streamOf } from './byte-stream.ts';

export const OUR_ACCOUNT = parseAccountId('3f2b8c1e-5d4a-4e6f-9a7b-0c1d2e3f4a5b');
export const OTHER_ACCOUNT = parseAccountId('a0a1a2a3-b4b5-4c6c-8d7d-e8e9eaebeced');

/** A key of 32 bytes, the same each time for the same name. */
export function namedKey(name: string): Buffer {
  return createHash('sha256').update(name).digest();
}

export const CURRENT_KEY = namedKey('current');
export const OLD_KEY = namedKey('old');
/** What the current one is replaced by. */
export const NEXT_KEY = namedKey('next');

/** A ring that opens and seals with the current key. */
export const RING = makeKeyRing({ current: CURRENT_KEY, previous: [] });

export const IDENTITY: SnapshotIdentity = {
  accountId: OUR_ACCOUNT,
  generation: 7,
  sealedAt: new Date('2026-01-02T03:04:05.678Z'),
};

/** The sealed file of a plaintext. */
export function sealed(
  plain: Uint8Array,
  identity = IDENTITY,
  keyRing: DataKeyWrapper = RING,
): Promise<Buffer> {
  return collect(sealStream(streamOf(plain), { identity, keyRing }));
}

/** Bytes without a pattern, the same each time. */
export function sampleBytes(length: number, name = 'sample'): Buffer {
  return createHash('shake256', { outputLength: Math.max(length, 1) })
    .update(name)
    .digest()
    .subarray(0, length);
}
