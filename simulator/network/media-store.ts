import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, rmSync, type WriteStream } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Attributes } from '../protocol.ts';

/** A file beyond this lies on the disk; one below stays in memory. Bytes. */
const MAX_IN_MEMORY = 1024 * 1024;

/** A file of the media server: where it is served, how long it is, and its hash in base64. */
export type StoredFile = { readonly path: string; readonly size: number; readonly sha256: string };

type Held = StoredFile & { readonly content: Buffer | { readonly file: string } };

/** The media server's files, by path. Large ones pass through in pieces, in either direction. */
export class MediaStore {
  readonly #files = new Map<string, Held>();
  #folder: Promise<string> | undefined;
  #written = 0;

  /** Keeps the bytes; the same bytes have the same path. */
  async put(source: Uint8Array | AsyncIterable<Uint8Array>): Promise<StoredFile> {
    const hash = createHash('sha256');
    const pieces: Uint8Array[] = [];
    let size = 0;
    let spilled: { readonly file: string; readonly out: WriteStream } | undefined;
    for await (const piece of source instanceof Uint8Array ? [source] : source) {
      hash.update(piece);
      size += piece.length;
      pieces.push(piece);
      if (size <= MAX_IN_MEMORY) continue;
      spilled ??= await this.#openFile();
      for (const each of pieces.splice(0)) await write(spilled.out, each);
    }
    if (spilled) await end(spilled.out);
    const digest = hash.digest();
    const path = `/v/t62.7118-24/${digest.toString('hex')}`;
    const known = this.#files.get(path);
    if (known && spilled) rmSync(spilled.file);
    const content = spilled ? { file: spilled.file } : Buffer.concat(pieces);
    const stored = { path, size, sha256: digest.toString('base64') };
    if (!known) this.#files.set(path, { ...stored, content });
    return stored;
  }

  find(path: string): StoredFile | undefined {
    return this.#files.get(path);
  }

  /** The file's bytes, read as they are asked for. */
  open(path: string): Readable | undefined {
    const held = this.#files.get(path);
    if (!held) return undefined;
    const { content } = held;
    return Buffer.isBuffer(content) ? Readable.from([content]) : createReadStream(content.file);
  }

  remove(path: string): void {
    const held = this.#files.get(path);
    this.#files.delete(path);
    if (held && !Buffer.isBuffer(held.content)) rmSync(held.content.file);
  }

  /** Forgets all files, and takes those on the disk away. */
  async clear(): Promise<void> {
    this.#files.clear();
    if (this.#folder !== undefined) rmSync(await this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
  }

  async #openFile(): Promise<{ file: string; out: WriteStream }> {
    this.#folder ??= mkdtemp(join(tmpdir(), 'simulator-media-'));
    this.#written += 1;
    const file = join(await this.#folder, String(this.#written));
    return { file, out: createWriteStream(file) };
  }
}

async function write(out: WriteStream, piece: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    out.write(piece, (error) => (error ? reject(error) : resolve())),
  );
}

async function end(out: WriteStream): Promise<void> {
  out.end();
  await finished(out);
}

/** What a message says of the file it carries. */
export function mediaAttrs({ path, size, sha256 }: StoredFile, mimetype: string): Attributes {
  const mediaKey = randomBytes(32).toString('base64');
  return {
    mimetype,
    size,
    filehash: sha256,
    mediaKey,
    encFilehash: createHash('sha256').update(sha256).update(mediaKey).digest('base64'),
    mediaKeyTimestamp: Math.floor(Date.now() / 1000),
    directPath: path,
    clientUrl: `https://mmg.whatsapp.net${path}`,
    deprecatedMms3Url: `https://mmg.whatsapp.net${path}`,
  };
}
