import fc from 'fast-check';

const HEADER_BYTES = 145;
const IDENTITY_BYTES = 41;
const SEALED_CHUNK_BYTES = 1_048_592;

/** Other genuine files that a mutation takes parts from. */
export type Siblings = readonly Buffer[];

interface Flip {
  readonly kind: 'flip' | 'flip-in-header';
  readonly at: number;
  readonly bit: number;
}

interface Cut {
  readonly kind: 'cut' | 'cut-at-chunk';
  readonly at: number;
}

interface Edit {
  readonly kind: 'remove' | 'overwrite' | 'insert' | 'extend';
  readonly at: number;
  readonly bytes: Uint8Array;
}

interface Rearrangement {
  readonly kind: 'swap-chunks' | 'duplicate-chunk' | 'move-chunk' | 'drop-chunk';
  readonly at: number;
  readonly to: number;
}

interface Mixture {
  readonly kind: 'take-header' | 'take-identity' | 'take-wrap' | 'take-chunk' | 'append-chunk' | 'take-end';
  readonly from: number;
  readonly at: number;
}

/** One way to change a sealed file. Places are taken modulo what there is. */
export type Mutation = Flip | Cut | Edit | Rearrangement | Mixture;

const place = fc.nat({ max: 0xffff_ffff });
const bytes = fc.uint8Array({ minLength: 1, maxLength: 64 });

/** Mutations of every sort, each as often as the others. */
export const anyMutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record<Flip>({
    kind: fc.constantFrom('flip', 'flip-in-header'),
    at: place,
    bit: fc.nat({ max: 7 }),
  }),
  fc.record<Cut>({ kind: fc.constantFrom('cut', 'cut-at-chunk'), at: place }),
  fc.record<Edit>({ kind: fc.constantFrom('remove', 'overwrite', 'insert', 'extend'), at: place, bytes }),
  fc.record<Rearrangement>({
    kind: fc.constantFrom('swap-chunks', 'duplicate-chunk', 'move-chunk', 'drop-chunk'),
    at: place,
    to: place,
  }),
  fc.record<Mixture>({
    kind: fc.constantFrom(
      'take-header',
      'take-identity',
      'take-wrap',
      'take-chunk',
      'append-chunk',
      'take-end',
    ),
    from: place,
    at: place,
  }),
);

/** The changed file; undefined if nothing was changed by it. */
export function applyMutation(file: Buffer, mutation: Mutation, siblings: Siblings): Buffer | undefined {
  const changed = change(Buffer.from(file), mutation, siblings);
  return changed.equals(file) ? undefined : changed;
}

function change(file: Buffer, mutation: Mutation, siblings: Siblings): Buffer {
  switch (mutation.kind) {
    case 'flip':
      return flip(file, mutation.at % file.length, mutation.bit);
    case 'flip-in-header':
      return flip(file, mutation.at % HEADER_BYTES, mutation.bit);
    case 'cut':
      return file.subarray(0, mutation.at % file.length);
    case 'cut-at-chunk':
      return joined(file, chunksOf(file).slice(0, mutation.at % chunksOf(file).length));
    case 'remove':
    case 'overwrite':
    case 'insert':
    case 'extend':
      return edit(file, mutation);
    case 'swap-chunks':
    case 'duplicate-chunk':
    case 'move-chunk':
    case 'drop-chunk':
      return joined(file, rearrange(chunksOf(file), mutation));
    default:
      return mix(file, siblings[mutation.from % siblings.length] ?? file, mutation);
  }
}

function flip(file: Buffer, at: number, bit: number): Buffer {
  file.writeUInt8((file[at] ?? 0) ^ (1 << bit), at);
  return file;
}

function edit(file: Buffer, { kind, at, bytes }: Edit): Buffer {
  const begin = at % file.length;
  const end = Math.min(begin + bytes.length, file.length);
  switch (kind) {
    case 'remove':
      return Buffer.concat([file.subarray(0, begin), file.subarray(end)]);
    case 'overwrite':
      file.set(bytes.subarray(0, end - begin), begin);
      return file;
    case 'insert':
      return Buffer.concat([file.subarray(0, begin), bytes, file.subarray(begin)]);
    case 'extend':
      return Buffer.concat([file, bytes]);
    default:
      return kind satisfies never;
  }
}

function rearrange(chunks: readonly Buffer[], { kind, ...places }: Rearrangement): readonly Buffer[] {
  const at = places.at % chunks.length;
  const to = places.to % chunks.length;
  const taken = chunks.slice(at, at + 1);
  switch (kind) {
    case 'swap-chunks':
      return chunks.map((chunk, index) => chunks[index === at ? to : index === to ? at : index] ?? chunk);
    case 'duplicate-chunk':
      return chunks.toSpliced(to, 0, ...taken);
    case 'move-chunk':
      return chunks.toSpliced(at, 1).toSpliced(to, 0, ...taken);
    case 'drop-chunk':
      return chunks.toSpliced(at, 1);
    default:
      return kind satisfies never;
  }
}

function mix(file: Buffer, other: Buffer, mutation: Mixture): Buffer {
  const chunks = chunksOf(file);
  const others = chunksOf(other);
  const at = mutation.at % others.length;
  const taken = others.slice(at, at + 1);
  switch (mutation.kind) {
    case 'take-header':
      return joined(other, chunks);
    case 'take-identity':
      return Buffer.concat([other.subarray(0, IDENTITY_BYTES), file.subarray(IDENTITY_BYTES)]);
    case 'take-wrap':
      return joined(
        Buffer.concat([file.subarray(0, IDENTITY_BYTES), other.subarray(IDENTITY_BYTES, HEADER_BYTES)]),
        chunks,
      );
    case 'take-chunk':
      return joined(file, chunks.toSpliced(at, 1, ...taken));
    case 'append-chunk':
      return joined(file, [...chunks, ...taken]);
    case 'take-end':
      return joined(file, [...chunks.slice(0, -1), ...others.slice(-1)]);
    default:
      return mutation.kind satisfies never;
  }
}

/** The sealed chunks of a file's body. */
function chunksOf(file: Buffer): readonly Buffer[] {
  const count = Math.ceil((file.length - HEADER_BYTES) / SEALED_CHUNK_BYTES);
  return Array.from({ length: count }, (_, number) => {
    const at = HEADER_BYTES + number * SEALED_CHUNK_BYTES;
    return file.subarray(at, at + SEALED_CHUNK_BYTES);
  });
}

function joined(headerFrom: Buffer, chunks: readonly Buffer[]): Buffer {
  return Buffer.concat([headerFrom.subarray(0, HEADER_BYTES), ...chunks]);
}
