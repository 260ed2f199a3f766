/**
 * The body of a sealed file: chunks of 1 MiB, each encrypted for itself under the data key, bound to the snapshot, to
 * its own number and to whether it is the last. So a chunk opens in its own place in its own file and nowhere else, and
 * a file that ends early does not end with a last chunk.
 */
import { findPlain, NONCE_BYTES, sealBytes, TAG_BYTES } from './aead.ts';
import type { ByteReader } from './byte-reader.ts';
import { makeDamaged, type SnapshotIdentity } from './snapshot.ts';
import { identityToBytes } from './vault-header.ts';

/** Plaintext in a chunk. Part of the format. */
export const CHUNK_BYTES = 1024 ** 2;

interface BodyKey {
  readonly identity: SnapshotIdentity;
  readonly dataKey: Uint8Array;
}

/** A chunk that was verified, as it is and as it lies in the file; the latter is good until the next one is asked for. */
interface OpenedChunk {
  readonly plain: Buffer;
  readonly sealed: Buffer;
}

/** Seals all that the reader has. There is always a last chunk, which may be short or empty. */
export async function* sealBody(plain: ByteReader, key: BodyKey): AsyncGenerator<Buffer> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const aead = makeChunkAead(key);
  for (let number = 0, isLast = false; !isLast; number += 1) {
    const length = await plain.fill(chunk);
    isLast = await plain.isAtEnd();
    yield sealBytes(chunk.subarray(0, length), aead(number, isLast));
  }
}

/**
 * Yields each chunk once it is verified, and nothing of one that is not.
 * @throws AppError VAULT_DAMAGED, naming the chunk
 */
export async function* openBody(sealed: ByteReader, key: BodyKey): AsyncGenerator<OpenedChunk> {
  const chunk = Buffer.alloc(CHUNK_BYTES + TAG_BYTES);
  const aead = makeChunkAead(key);
  for (let number = 0, isLast = false; !isLast; number += 1) {
    const bytes = chunk.subarray(0, await sealed.fill(chunk));
    isLast = await sealed.isAtEnd();
    const plain = findPlain(bytes, aead(number, isLast));
    if (plain === undefined) {
      const isWhole = findPlain(bytes, aead(number, !isLast))?.fill(0) !== undefined;
      throw makeDamaged(describe({ number, isLast, isWhole }), key.identity, number);
    }
    yield { plain, sealed: bytes };
  }
}

/** A chunk that is whole, but in the wrong place at the end, says what happened to the file. */
function describe(at: {
  readonly number: number;
  readonly isLast: boolean;
  readonly isWhole: boolean;
}): string {
  if (!at.isWhole) return `chunk ${at.number} was changed, moved or cut`;
  return at.isLast
    ? `it was cut off after chunk ${at.number}, which is not the last`
    : `something follows chunk ${at.number}, which is the last`;
}

/** Nonce: the number in 11 bytes, then the flag. Bound: identity, the number in 8 bytes, the flag. */
function makeChunkAead({ identity, dataKey }: BodyKey) {
  const head = identityToBytes(identity);
  return (number: number, isLast: boolean) => {
    const place = Buffer.alloc(9);
    place.writeBigUInt64BE(BigInt(number));
    place.writeUInt8(isLast ? 1 : 0, 8);
    const nonce = Buffer.alloc(NONCE_BYTES);
    place.copy(nonce, NONCE_BYTES - place.length);
    return { key: dataKey, nonce, bound: Buffer.concat([head, place]) };
  };
}
