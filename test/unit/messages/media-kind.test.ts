import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/lib/errors.ts';
import { chooseMediaKind, type MediaKind } from '../../../src/messages/media-kind.ts';

const MIB = 1024 * 1024;

function outcome(mimeType: string, fileSize: number, as: MediaKind | null): string {
  try {
    return chooseMediaKind({ mimeType, fileSize }, as, 'media.url');
  } catch (thrown) {
    return thrown instanceof AppError ? thrown.code : String(thrown);
  }
}

describe('the kind that a file is sent as', () => {
  it.each<[string, number, MediaKind | null, string]>([
    ['image/jpeg', 1, null, 'image'],
    ['image/png', 5 * MIB, null, 'image'],
    ['image/gif', 1, null, 'image'],
    ['image/webp', 1, null, 'image'],
    ['image/jpeg', 5 * MIB + 1, null, 'TOO_LARGE'],
    ['image/jpeg', 5 * MIB + 1, 'document', 'document'],
    ['image/tiff', 1, null, 'document'],
    ['image/tiff', 1, 'image', 'UNSUPPORTED_MEDIA'],
    ['video/mp4', 16 * MIB, null, 'video'],
    ['video/3gpp', 1, null, 'video'],
    ['video/mp4', 16 * MIB + 1, null, 'TOO_LARGE'],
    ['video/webm', 1, null, 'document'],
    ['video/webm', 1, 'video', 'UNSUPPORTED_MEDIA'],
    ['audio/aac', 1, null, 'audio'],
    ['audio/x-m4a', 1, null, 'audio'],
    ['audio/mpeg', 1, null, 'audio'],
    ['audio/amr', 1, null, 'audio'],
    ['audio/ogg; codecs=opus', 16 * MIB, null, 'audio'],
    ['audio/ogg; codecs=opus', 1, 'voice', 'voice'],
    ['audio/ogg', 16 * MIB + 1, 'voice', 'TOO_LARGE'],
    ['audio/flac', 1, 'audio', 'UNSUPPORTED_MEDIA'],
    ['application/pdf', 100 * MIB, null, 'document'],
    ['application/pdf', 100 * MIB + 1, null, 'TOO_LARGE'],
    ['text/plain', 1, 'image', 'UNSUPPORTED_MEDIA'],
    ['application/octet-stream', 1, null, 'document'],
    ['image/webp', 1, 'sticker', 'sticker'],
    ['image/gif', 1, 'sticker', 'UNSUPPORTED_MEDIA'],
    ['image/png', 0, null, 'VALIDATION_FAILED'],
  ])('%s of %d bytes, wished as %s, is %s', (mimeType, size, as, expected) => {
    expect(outcome(mimeType, size, as)).toBe(expected);
  });

  it('names the field and the limit when it refuses', () => {
    expect(() => chooseMediaKind({ mimeType: 'image/png', fileSize: 6 * MIB }, null, 'media.url')).toThrow(
      expect.objectContaining({
        code: 'TOO_LARGE',
        details: [{ field: 'media.url', message: expect.stringContaining('at most 5 MB') }],
      }),
    );
  });
});
