import { createHash, randomBytes } from 'node:crypto';
import type { Attributes } from '../protocol.ts';

/** The media server's files, by path. */
export class MediaStore {
  readonly #files = new Map<string, Buffer>();

  /** Keeps the bytes; the same bytes have the same path. */
  put(bytes: Buffer): string {
    const path = `/v/t62.7118-24/${createHash('sha256').update(bytes).digest('hex')}`;
    this.#files.set(path, bytes);
    return path;
  }

  find(path: string): Buffer | undefined {
    return this.#files.get(path);
  }

  remove(path: string): void {
    this.#files.delete(path);
  }
}

/** What a message says of the file it carries. */
export function mediaAttrs(path: string, bytes: Buffer, mimetype: string): Attributes {
  const filehash = createHash('sha256').update(bytes).digest('base64');
  const mediaKey = randomBytes(32).toString('base64');
  return {
    mimetype,
    size: bytes.length,
    filehash,
    mediaKey,
    encFilehash: createHash('sha256').update(bytes).update(mediaKey).digest('base64'),
    mediaKeyTimestamp: Math.floor(Date.now() / 1000),
    directPath: path,
    clientUrl: `https://mmg.whatsapp.net${path}`,
    deprecatedMms3Url: `https://mmg.whatsapp.net${path}`,
  };
}
