import { AppError } from '../lib/errors.ts';
import { parseMimeType } from './media-mime.ts';

const MIB = 1024 * 1024;

interface KindRule {
  /** Bytes. */
  readonly maxBytes: number;
  /** Accepted MIME types; null means any. */
  readonly mimeTypes: readonly string[] | null;
  /** The formats in words, for the error message. */
  readonly formats: string;
}

const IMAGE = { maxBytes: 5 * MIB, mimeTypes: ['image/jpeg', 'image/png', 'image/gif', 'image/webp'] };
const AUDIO = {
  maxBytes: 16 * MIB,
  mimeTypes: ['audio/aac', 'audio/mp4', 'audio/mpeg', 'audio/amr', 'audio/ogg'],
};

/** What a media message can be sent as, with the limits that the API promises. */
export const MEDIA_KINDS = {
  image: { ...IMAGE, formats: 'JPEG, PNG, GIF or WebP' },
  video: { maxBytes: 16 * MIB, mimeTypes: ['video/mp4', 'video/3gpp'], formats: 'MP4 or 3GP' },
  audio: { ...AUDIO, formats: 'AAC, M4A, MP3, AMR or OGG' },
  voice: { ...AUDIO, formats: 'AAC, M4A, MP3, AMR or OGG' },
  document: { maxBytes: 100 * MIB, mimeTypes: null, formats: 'any format' },
  sticker: {
    maxBytes: IMAGE.maxBytes,
    mimeTypes: ['image/webp', 'image/png', 'image/jpeg'],
    formats: 'WebP, PNG or JPEG',
  },
} as const satisfies Record<string, KindRule>;

export type MediaKind = keyof typeof MEDIA_KINDS;

/** The largest file that is carried in either direction, in bytes. */
export const MAX_MEDIA_BYTES = MEDIA_KINDS.document.maxBytes;

/** The largest file that may come inside a JSON body, in bytes after decoding. */
export const MAX_INLINE_MEDIA_BYTES = 16 * MIB;

/** Kinds that follow from a MIME type alone, tried in this order; everything else is a document. */
const NATURAL_KINDS = ['image', 'video', 'audio'] as const;

/** What a file of this type is sent as when the application does not insist on a kind. */
export function mimeTypeToKind(mimeType: string): MediaKind {
  return NATURAL_KINDS.find((kind) => acceptsMimeType(kind, mimeType)) ?? 'document';
}

/** Bytes that a file may have at most before its type is known. */
export function kindToMaxBytes(as: MediaKind | null): number {
  return as === null ? MAX_MEDIA_BYTES : MEDIA_KINDS[as].maxBytes;
}

/**
 * The kind to send a file as; `field` names the part of the request that an error is about.
 * @throws AppError UNSUPPORTED_MEDIA, TOO_LARGE, or VALIDATION_FAILED for an empty file
 */
export function chooseMediaKind(
  file: { readonly mimeType: string; readonly fileSize: number },
  as: MediaKind | null,
  field: string,
): MediaKind {
  const kind = as ?? mimeTypeToKind(file.mimeType);
  const rule: KindRule = MEDIA_KINDS[kind];
  if (file.fileSize === 0) {
    throw new AppError('VALIDATION_FAILED', { details: [{ field, message: 'The file is empty.' }] });
  }
  if (!acceptsMimeType(kind, file.mimeType)) {
    const message = `A ${kind} must be ${rule.formats}; this file is ${file.mimeType}. Send it as a document.`;
    throw new AppError('UNSUPPORTED_MEDIA', { message, details: [{ field, message }] });
  }
  if (file.fileSize > rule.maxBytes) throw makeTooLarge(field, rule.maxBytes, kind);
  return kind;
}

/** TOO_LARGE that names the field and the limit. */
export function makeTooLarge(field: string, maxBytes: number, kind: MediaKind | null = null): AppError {
  const subject = kind === null ? 'The media' : `A file sent as ${kind}`;
  const remedy = kind === null || kind === 'document' ? '' : ' Make it smaller or send it as a document.';
  const message = `${subject} may have at most ${Math.floor(maxBytes / MIB)} MB (${maxBytes} bytes).${remedy}`;
  return new AppError('TOO_LARGE', { message, details: [{ field, message }] });
}

function acceptsMimeType(kind: MediaKind, mimeType: string): boolean {
  const accepted: readonly string[] | null = MEDIA_KINDS[kind].mimeTypes;
  return accepted === null || accepted.includes(parseMimeType(mimeType) ?? '');
}
