import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const PIECE = 1024 * 1024;

export interface LargeFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly hash: Buffer;
}

/** Writes a file of that many MiB, none like another, a piece at a time. */
export async function writeLargeFile(path: string, mebibytes: number): Promise<LargeFile> {
  const hash = createHash('sha256');
  const content = function* () {
    for (let n = 0; n < mebibytes; n += 1) {
      const piece = Buffer.alloc(PIECE, `${path} ${n} `);
      hash.update(piece);
      yield piece;
    }
  };
  await pipeline(Readable.from(content()), createWriteStream(path));
  return { path, size: mebibytes * PIECE, hash: hash.digest() };
}
