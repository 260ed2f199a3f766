import type { Readable } from 'node:stream';

const SHA256 = /^[0-9a-f]{64}$/;

export interface StoredFile {
  /** Lower-case hex. */
  readonly sha256: string;
  /** Bytes. */
  readonly fileSize: number;
  /** As the bytes say, else as declared. */
  readonly mimeType: string;
}

export interface PutOptions {
  readonly maxBytes: number;
  readonly declaredMimeType: string | null;
  /** Name of the part of a request that TOO_LARGE is about; `media` if not given. */
  readonly field?: string;
  /** Called when size and type are known; if it throws, nothing is kept. */
  readonly check?: (file: StoredFile) => void;
}

/** A stored file on this machine's disk, to be read and left as it is. It may be gone once it is disposed. */
export interface LocalFile extends AsyncDisposable {
  /** Absolute. */
  readonly path: string;
}

/** Where the files of messages are kept, by the hash of their content. Streams pass in constant memory. */
export interface MediaStore extends AsyncDisposable {
  /**
   * Stores the bytes, whole or not at all; the same bytes again are the same file.
   * @throws AppError TOO_LARGE, MEDIA_STORAGE_FAILED, and whatever the source or `check` throws; nothing is kept then
   */
  put(source: AsyncIterable<Uint8Array> | Uint8Array, options: PutOptions): Promise<StoredFile>;
  /** @throws AppError MEDIA_STORAGE_FAILED */
  has(sha256: string): Promise<boolean>;
  /**
   * A stream of the file, which the caller reads to its end or destroys.
   * @throws AppError MEDIA_NOT_FOUND, MEDIA_STORAGE_FAILED
   */
  openRead(sha256: string): Promise<{ readonly stream: Readable; readonly fileSize: number }>;
  /**
   * The file on this machine's disk, for those who need a path. The signal ends the fetching of one that lies elsewhere.
   * @throws AppError MEDIA_NOT_FOUND, MEDIA_STORAGE_FAILED
   */
  openLocal(sha256: string, signal: AbortSignal): Promise<LocalFile>;
  /**
   * Removes a file that lost a reference and was not stored again since the instant; true if it did.
   * @throws AppError MEDIA_STORAGE_FAILED
   */
  removeUntouched(sha256: string, since: Date): Promise<boolean>;
}

/** Where a file lies below the root of a store: `<first two hex>/<sha256>`. No path can be made of anything but a hash. */
export function hashToPlace(sha256: string): { readonly folder: string; readonly name: string } {
  if (!SHA256.test(sha256)) throw new TypeError('Not a SHA-256 in lower-case hex.');
  return { folder: sha256.slice(0, 2), name: sha256 };
}
