import { randomUUID } from 'node:crypto';
import type { AccountId } from '../accounts/ids.ts';
import type { Executor } from '../db/database.ts';
import { findMediaUpload, insertMediaUpload } from '../db/media-upload-store.ts';
import { AppError } from '../lib/errors.ts';
import { parseFileName } from './media-file-name.ts';
import {
  chooseMediaKind,
  kindToMaxBytes,
  MAX_INLINE_MEDIA_BYTES,
  MAX_MEDIA_BYTES,
  type MediaKind,
  makeTooLarge,
} from './media-kind.ts';
import type { MediaStore, StoredFile } from './media-store.ts';
import type { FetchUrl } from './media-url.ts';
import type { MediaSource } from './send-request.ts';

/** Media of an outgoing message: its bytes are on disk and fit what it will be sent as. */
export interface TakenMedia {
  readonly sha256: string;
  readonly mimeType: string;
  readonly fileName: string | null;
  /** Bytes. */
  readonly fileSize: number;
  readonly as: MediaKind;
}

export interface MediaWish {
  /** The kind that the application insists on, if it does. */
  readonly as: MediaKind | null;
  /** The name that the application gives, before any other. */
  readonly fileName: string | null;
  readonly signal?: AbortSignal;
}

/** A file that was handed in, to be named by `mediaId` in messages of its account. */
export interface TakenUpload extends StoredFile {
  readonly mediaId: string;
  readonly fileName: string | null;
}

export interface MediaIntake {
  /**
   * Takes in the media of an outgoing message; what is refused leaves nothing behind.
   * @throws AppError VALIDATION_FAILED, MEDIA_UNAVAILABLE, TOO_LARGE or UNSUPPORTED_MEDIA, naming the field
   */
  takeMedia(accountId: AccountId, source: MediaSource, wish: MediaWish): Promise<TakenMedia>;
  /**
   * Takes in a file of at most 100 MB, of any type, as a stream.
   * @throws AppError TOO_LARGE, VALIDATION_FAILED for an empty file
   */
  takeUpload(
    accountId: AccountId,
    stream: AsyncIterable<Uint8Array>,
    declared: { readonly declaredMimeType: string | null; readonly fileName: string | null },
  ): Promise<TakenUpload>;
  /**
   * The same for bytes in base64 that a message brings, to be sent later.
   * @throws AppError VALIDATION_FAILED, TOO_LARGE, naming the field
   */
  keepData(
    accountId: AccountId,
    source: { readonly data: string; readonly mimeType: string },
  ): Promise<TakenUpload>;
}

export interface MediaIntakeDeps {
  readonly db: Executor;
  readonly store: MediaStore;
  readonly fetchUrl: FetchUrl;
}

/** Makes the intake. It holds nothing that needs closing. */
export function makeMediaIntake(deps: MediaIntakeDeps): MediaIntake {
  return {
    takeMedia(accountId, source, wish) {
      switch (source.from) {
        case 'data':
          return takeData(deps, source, wish);
        case 'url':
          return takeUrl(deps, source.url, wish);
        case 'upload':
          return findUploaded(deps, accountId, source.mediaId, wish);
        default:
          return source satisfies never;
      }
    },

    takeUpload: (accountId, stream, declared) =>
      keepUpload(deps, accountId, { ...declared, source: stream, field: 'file' }),

    async keepData(accountId, { data, mimeType: declaredMimeType }) {
      const source = parseBase64(data);
      const field = 'media.data';
      return keepUpload(deps, accountId, { source, declaredMimeType, fileName: null, field });
    },
  };
}

async function keepUpload(
  { db, store }: MediaIntakeDeps,
  accountId: AccountId,
  given: {
    readonly source: AsyncIterable<Uint8Array> | Uint8Array;
    readonly declaredMimeType: string | null;
    readonly fileName: string | null;
    readonly field: string;
  },
): Promise<TakenUpload> {
  const { source, declaredMimeType, field } = given;
  const stored = await store.put(source, {
    maxBytes: MAX_MEDIA_BYTES,
    declaredMimeType,
    field,
    check: (file) => chooseMediaKind(file, 'document', field),
  });
  const upload = { ...stored, mediaId: randomUUID(), fileName: parseFileName(given.fileName) };
  await insertMediaUpload(db, { ...upload, id: upload.mediaId, accountId });
  return upload;
}

async function takeData(
  { store }: MediaIntakeDeps,
  source: { readonly data: string; readonly mimeType: string },
  wish: MediaWish,
): Promise<TakenMedia> {
  const bytes = parseBase64(source.data);
  const names = { declaredMimeType: source.mimeType, fileName: wish.fileName };
  return putChecked(store, bytes, { ...names, as: wish.as, field: 'media.data' });
}

async function takeUrl(
  { store, fetchUrl }: MediaIntakeDeps,
  url: string,
  wish: MediaWish,
): Promise<TakenMedia> {
  const maxBytes = kindToMaxBytes(wish.as);
  const signal = wish.signal ?? new AbortController().signal;
  const { body, declaredMimeType, fileName } = await fetchUrl(url, { maxBytes, signal });
  const names = { declaredMimeType, fileName: wish.fileName ?? fileName };
  return putChecked(store, body, { ...names, as: wish.as, field: 'media.url' });
}

async function putChecked(
  store: MediaStore,
  source: AsyncIterable<Uint8Array> | Uint8Array,
  {
    declaredMimeType,
    fileName,
    as,
    field,
  }: {
    readonly declaredMimeType: string | null;
    readonly fileName: string | null;
    readonly as: MediaKind | null;
    readonly field: string;
  },
): Promise<TakenMedia> {
  const stored = await store.put(source, {
    maxBytes: kindToMaxBytes(as),
    declaredMimeType,
    field,
    check: (file) => chooseMediaKind(file, as, field),
  });
  return { ...stored, fileName: parseFileName(fileName), as: chooseMediaKind(stored, as, field) };
}

async function findUploaded(
  { db, store }: MediaIntakeDeps,
  accountId: AccountId,
  mediaId: string,
  wish: MediaWish,
): Promise<TakenMedia> {
  const field = 'media.mediaId';
  const upload = await findMediaUpload(db, accountId, mediaId);
  if (upload === undefined || !(await store.has(upload.sha256))) {
    const message =
      'There is no such upload in this account. Upload the file and use the mediaId of the answer.';
    throw new AppError('VALIDATION_FAILED', { details: [{ field, message }] });
  }
  const { sha256, mimeType, fileSize } = upload;
  const fileName = parseFileName(wish.fileName) ?? upload.fileName;
  return { sha256, mimeType, fileSize, fileName, as: chooseMediaKind(upload, wish.as, field) };
}

/** Exactly what an encoder writes: standard alphabet, padded, nothing around it. */
function parseBase64(data: string): Uint8Array {
  const field = 'media.data';
  if (data.length > Math.ceil(MAX_INLINE_MEDIA_BYTES / 3) * 4)
    throw makeTooLarge(field, MAX_INLINE_MEDIA_BYTES);
  const bytes = Buffer.from(data, 'base64');
  // Node skips what is no base64, so only the way back tells whether all of it was.
  if (data === '' || bytes.toString('base64') !== data) {
    const message =
      'Give the bytes in base64: standard alphabet, padded, without line breaks or a data: prefix.';
    throw new AppError('VALIDATION_FAILED', { details: [{ field, message }] });
  }
  return bytes;
}
