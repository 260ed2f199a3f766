/** Bytes as a stream that comes in pieces of these sizes, over and over; in one piece without any. */
export async function* streamOf(
  bytes: Uint8Array,
  sizes: readonly number[] = [],
): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes.length === 0 ? bytes.length : (sizes[turn % sizes.length] ?? 1);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

/** All that a stream yields, joined. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** What a stream yielded until it failed, and how it failed; undefined if it did not. */
export async function collectUntilFailure(
  stream: AsyncIterable<Uint8Array>,
): Promise<{ readonly yielded: Buffer; readonly failure: unknown }> {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of stream) pieces.push(piece);
  } catch (failure) {
    return { yielded: Buffer.concat(pieces), failure };
  }
  return { yielded: Buffer.concat(pieces), failure: undefined };
}
