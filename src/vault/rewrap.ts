import { ByteReader } from './byte-reader.ts';
import type { KeyRing } from './key-ring.ts';
import type { DataKeyUnwrapper, DataKeyWrapper } from './key-wrap.ts';
import { openBody } from './sealed-body.ts';
import { takeHeader } from './sealed-stream.ts';
import type { SnapshotName } from './snapshot.ts';
import { headerToBytes, type VaultHeader } from './vault-header.ts';

/** Where the data key comes from and where it goes: ring to ring, ring to passphrase, passphrase to ring. */
export interface Rewrapping extends SnapshotName {
  readonly from: DataKeyUnwrapper;
  readonly to: DataKeyWrapper;
}

/** True if nothing is to be done to have this snapshot under the ring's current key. */
export function isWrappedByCurrent({ method }: VaultHeader, keyRing: Pick<KeyRing, 'currentKeyId'>): boolean {
  return method.kind === 'key-ring' && method.keyId === keyRing.currentKeyId;
}

/**
 * The sealed file of this very snapshot with its data key wrapped anew. All else stays byte for byte, and is verified
 * on the way: the copy counts for nothing if this throws.
 * @throws AppError as `openStream` does
 */
export async function* rewrapStream(
  sealed: AsyncIterable<Uint8Array>,
  { from, to, ...name }: Rewrapping,
): AsyncGenerator<Uint8Array> {
  await using reader = new ByteReader(sealed);
  const header = await takeHeader(reader, name);
  const { identity } = header;
  const dataKey = await from.unwrap(header);
  try {
    const wrap = await to.wrap(identity, dataKey);
    yield headerToBytes({ identity, ...wrap });
    for await (const chunk of openBody(reader, { identity, dataKey })) yield Buffer.from(chunk.sealed);
  } finally {
    dataKey.fill(0);
  }
}
