import { randomBytes } from 'node:crypto';
import { KEY_BYTES } from './aead.ts';
import { ByteReader } from './byte-reader.ts';
import type { DataKeyUnwrapper, DataKeyWrapper } from './key-wrap.ts';
import { openBody, sealBody } from './sealed-body.ts';
import { makeDamaged, nameToText, type SnapshotIdentity, type SnapshotName } from './snapshot.ts';
import { HEADER_BYTES, headerToBytes, parseHeader, type VaultHeader } from './vault-header.ts';

/**
 * The sealed file of a snapshot: header, then the plaintext in encrypted chunks under a data key of its own. Holds a few
 * chunks at a time, however long the plaintext is.
 */
export async function* sealStream(
  plain: AsyncIterable<Uint8Array>,
  { identity, keyRing }: { readonly identity: SnapshotIdentity; readonly keyRing: DataKeyWrapper },
): AsyncGenerator<Uint8Array> {
  const dataKey = randomBytes(KEY_BYTES);
  await using reader = new ByteReader(plain);
  try {
    // The source is set going first: one that never ran could not be let go of.
    await reader.isAtEnd();
    const wrap = await keyRing.wrap(identity, dataKey);
    yield headerToBytes({ identity, ...wrap });
    yield* sealBody(reader, { identity, dataKey });
  } finally {
    dataKey.fill(0);
  }
}

export interface OpenOptions extends SnapshotName {
  readonly keyRing: DataKeyUnwrapper;
  /** Told what the file says that it is, which is proven once it has been read to its end. */
  readonly onIdentity?: (identity: SnapshotIdentity) => void;
}

/**
 * The plaintext of the sealed file of this very snapshot. Every byte was verified before it is yielded, but whether
 * the file is whole is known only once this has ended: what was yielded counts for nothing if it throws.
 * @throws AppError VAULT_DAMAGED; VAULT_KEY_MISSING; with a passphrase VALIDATION_FAILED
 */
export async function* openStream(
  sealed: AsyncIterable<Uint8Array>,
  { keyRing, onIdentity, ...name }: OpenOptions,
): AsyncGenerator<Uint8Array> {
  await using reader = new ByteReader(sealed);
  const header = await takeHeader(reader, name);
  const { identity } = header;
  onIdentity?.(identity);
  const dataKey = await keyRing.unwrap(header);
  try {
    for await (const { plain } of openBody(reader, { identity, dataKey })) yield plain;
  } finally {
    dataKey.fill(0);
  }
}

/**
 * Reads the header of a sealed file that is to be this snapshot; any, if none is named.
 * @throws AppError VAULT_DAMAGED
 */
export async function takeHeader(reader: ByteReader, name?: SnapshotName): Promise<VaultHeader> {
  const bytes = Buffer.alloc(HEADER_BYTES);
  const header = parseHeader(bytes.subarray(0, await reader.fill(bytes)), name);
  const { accountId, generation } = header.identity;
  if (name && (accountId !== name.accountId || generation !== name.generation)) {
    throw makeDamaged(`it is ${nameToText(header.identity)}`, name);
  }
  return header;
}

/** A sealed file whose header was looked at. Whoever does not read `sealed` to its end disposes of it. */
export interface PeekedFile extends AsyncDisposable {
  /** What the file says of itself: not proven before it is opened. */
  readonly header: VaultHeader;
  /** The whole file, header included. */
  readonly sealed: AsyncIterable<Uint8Array>;
}

/** Looks at the header of a sealed file without a key. @throws AppError VAULT_DAMAGED */
export async function peekHeader(sealed: AsyncIterable<Uint8Array>): Promise<PeekedFile> {
  const reader = new ByteReader(sealed);
  try {
    const header = await takeHeader(reader);
    return {
      header,
      sealed: wholeFile(reader, header),
      [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
    };
  } catch (thrown) {
    await reader[Symbol.asyncDispose]();
    throw thrown;
  }
}

async function* wholeFile(reader: ByteReader, header: VaultHeader): AsyncGenerator<Uint8Array> {
  await using _source = reader;
  yield headerToBytes(header);
  yield* reader.rest();
}
