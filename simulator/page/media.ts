import type { Attributes } from '../protocol.ts';
import { takePageFault } from './dialect.ts';

/** A media request that the server refused; the library reads `status`. */
export class MediaRequestError extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`media request failed with status ${status}`);
    this.name = 'MediaRequestError';
    this.status = status;
  }
}

/** What was fetched, where the browser may keep it out of memory. */
const fetched = new Map<string, Blob>();

/** The bytes behind a path of the media server; kept while the page lives. */
export async function downloadBytes(directPath: string): Promise<Blob> {
  const known = fetched.get(directPath);
  if (known) return known;
  const response = await fetch(directPath);
  if (!response.ok) throw new MediaRequestError(response.status);
  const bytes = await response.blob();
  fetched.set(directPath, bytes);
  return bytes;
}

export type Upload = {
  readonly directPath: string;
  readonly url: string;
  readonly encFilehash: string;
  readonly mediaKey: string;
  readonly mediaKeyTimestamp: number;
};

/** The hash of what is encrypted is made of the file's own: it must differ with the key, and no more. */
export async function uploadBytes(bytes: Blob, filehash: string, mediaKey: string): Promise<Upload> {
  const response = await fetch('/mms/upload', { method: 'POST', body: bytes });
  if (!response.ok) throw new MediaRequestError(response.status);
  const { directPath } = (await response.json()) as { directPath: string };
  return {
    directPath,
    url: `${location.origin}${directPath}`,
    encFilehash: await hashOf(new Blob([filehash, mediaKey])),
    mediaKey,
    mediaKeyTimestamp: Math.floor(Date.now() / 1000),
  };
}

export async function hashOf(blob: Blob): Promise<string> {
  return toBase64(new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer())));
}

export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

/** How far a message's media is: NONE, FETCHING, RESOLVED, ERROR_MISSING, and as faults have it REUPLOADING or ERROR_UNKNOWN. */
export class MediaState {
  readonly type: string;
  readonly filehash: string;
  readonly size: number;
  #stage = 'NONE';
  #directPath: string;

  constructor(attrs: Attributes) {
    this.type = String(attrs.type);
    this.filehash = String(attrs.filehash);
    this.size = Number(attrs.size ?? 0);
    this.#directPath = String(attrs.directPath);
  }

  get mediaStage(): string {
    return takePageFault('media-stage', 'reuploading') ? 'REUPLOADING' : this.#stage;
  }

  /** Resolves also when the media is gone (the stage tells); rejects on what may pass, unless the fault has it otherwise. */
  async download(): Promise<void> {
    if (takePageFault('media-stage', 'error')) {
      this.#stage = 'ERROR_UNKNOWN';
      return;
    }
    this.#stage = 'FETCHING';
    try {
      await downloadBytes(this.#directPath);
      this.#stage = 'RESOLVED';
    } catch (error) {
      const isGone = error instanceof MediaRequestError && error.status === 404;
      this.#stage = isGone ? 'ERROR_MISSING' : 'NONE';
      if (!isGone) throw error;
    }
  }
}
