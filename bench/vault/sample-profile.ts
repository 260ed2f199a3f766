import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SeededBytes } from './seeded-bytes.ts';

const INDEXED_DB = 'Default/IndexedDB/https_web.whatsapp.com_0.indexeddb';

/** One kind of file in the profile, with its share of all bytes. */
interface Kind {
  readonly share: number;
  readonly smallest: number;
  readonly largest: number;
  /** Share that cannot be compressed: see SeededBytes. */
  readonly noise: number;
  readonly path: (number: number) => string;
}

const digits = (number: number) => String(number).padStart(6, '0');
const hex = (number: number) => number.toString(16).padStart(2, '0');

/**
 * As in the profile of an account with years of chats: most of it in the tables of a LevelDB, which compressed them
 * already as well as it could, what came last in its log, thumbnails as single files, and a lot of small ones.
 */
const KINDS: readonly Kind[] = [
  {
    share: 0.8,
    smallest: 2_050_000,
    largest: 2_150_000,
    noise: 0.5,
    path: (number) => `${INDEXED_DB}.leveldb/${digits(number)}.ldb`,
  },
  {
    share: 0.09,
    smallest: 500_000,
    largest: 4_000_000,
    noise: 0.2,
    path: (number) => `${INDEXED_DB}.leveldb/${digits(900_000 + number)}.log`,
  },
  {
    share: 0.09,
    smallest: 4_000,
    largest: 90_000,
    noise: 0.95,
    path: (number) => `${INDEXED_DB}.blob/1/${hex(number >> 8)}/${hex(number)}`,
  },
  {
    share: 0.02,
    smallest: 16,
    largest: 4_000,
    noise: 0.3,
    path: (number) => `Default/Extension State/${hex(number % 16)}/${digits(number)}`,
  },
];

/** Makes a profile of so many bytes in a new folder; the same for the same size and seed. On disk when it resolves. */
export async function makeSampleProfile(
  folder: string,
  { bytes, seed, signal }: { readonly bytes: number; readonly seed: string; readonly signal: AbortSignal },
): Promise<void> {
  const source = new SeededBytes(`profile ${seed}`);
  for (const { share, smallest, largest, noise, path } of KINDS) {
    let left = Math.round(bytes * share);
    for (let number = 1; left > 0; number += 1) {
      signal.throwIfAborted();
      const size = Math.min(left, source.between(smallest, largest));
      await writeNew(join(folder, path(number)), source.records(size, noise));
      left -= size;
    }
  }
}

/** Synced where it is large, so that the disk is not still at it when the clock runs. */
async function writeNew(path: string, bytes: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await using file = await open(path, 'wx', 0o600);
  await file.writeFile(bytes);
  if (bytes.length > 1e6) await file.sync();
}
