import type { Transform } from 'node:stream';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { orAborted } from '../lib/abort.ts';
import { toError } from '../lib/errors.ts';
import { makeDamaged } from './snapshot.ts';

/** What comes out at once: few trips to the threads that do the work. */
const PIECE_BYTES = 256 * 1024;

/** What the decompressor may keep of what it gave out: 8 MiB, several times what a compressor of this level asks for. */
const MAX_WINDOW_LOG = 23;

/** Compresses a stream; the source may use a piece's bytes again once it is asked for the next one. */
export async function* compress(plain: AsyncIterable<Uint8Array>, level: number): AsyncGenerator<Uint8Array> {
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
  yield* new Passage(plain, createZstdCompress({ chunkSize: PIECE_BYTES, params })).run();
}

/**
 * Decompresses a stream, no further than is asked for.
 * @throws AppError VAULT_DAMAGED if it is none, is cut off or goes on behind its end; and what the source throws
 */
export async function* decompress(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const params = { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG };
  const passage = new Passage(packed, createZstdDecompress({ chunkSize: PIECE_BYTES, params }));
  try {
    yield* passage.run();
  } catch (thrown) {
    if (passage.sourceFailed) throw thrown;
    throw makeDamaged(`it cannot be decompressed (${toError(thrown).message})`);
  }
  if (!passage.isUsedUp) throw makeDamaged('something follows the end of its archive');
}

/** A source on its way through a transform, one piece at a time; whoever stops taking lets go of both. */
class Passage {
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #transform: Transform & { readonly bytesWritten: number };
  readonly #stop = new AbortController();
  #bytesIn = 0;
  #sourceFailed = false;

  constructor(source: AsyncIterable<Uint8Array>, transform: Transform & { readonly bytesWritten: number }) {
    this.#source = source;
    this.#transform = transform;
  }

  /** True if the source threw what the run did. */
  get sourceFailed(): boolean {
    return this.#sourceFailed;
  }

  /** True if the transform took all that the source had. */
  get isUsedUp(): boolean {
    return this.#transform.bytesWritten === this.#bytesIn;
  }

  async *run(): AsyncGenerator<Uint8Array> {
    const fed = this.#feed();
    try {
      for await (const piece of this.#transform) yield piece;
      await fed;
    } finally {
      this.#transform.destroy();
      this.#stop.abort(new Error('The stream is not needed any more.'));
      await fed;
    }
  }

  /** Never rejects: the transform fails with what the source throws. The source is closed when it resolves. */
  async #feed(): Promise<void> {
    try {
      for await (const piece of this.#source) {
        this.#bytesIn += piece.length;
        if (!(await this.#write(piece))) return;
      }
      this.#transform.end();
    } catch (thrown) {
      this.#sourceFailed = true;
      this.#transform.destroy(toError(thrown));
    }
  }

  /** Resolves once the piece is used up; false if nobody wants it any more. */
  async #write(piece: Uint8Array): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#transform.write(piece, (error) => resolve(!error));
    // A transform that fails or is destroyed may never say what became of a piece.
    return orAborted(promise, this.#stop.signal).catch(() => false);
  }
}
