import { describe, expect, it } from 'vitest';
import { chooseMimeType, parseMimeType } from '../../../src/messages/media-mime.ts';

describe('the MIME type that is recorded', () => {
  it.each<[string | null, string | null, string]>([
    ['image/png', 'image/jpeg', 'image/png'],
    [null, 'text/csv', 'text/csv'],
    [null, 'Text/Plain; charset=utf-8', 'text/plain; charset=utf-8'],
    [null, null, 'application/octet-stream'],
    [null, 'nonsense', 'application/octet-stream'],
    [null, 'a/b\r\nX-Evil: 1', 'application/octet-stream'],
    [null, 'text/plain; name="a b"', 'text/plain; name="a b"'],
    [null, 'text/plain; name="\u{1F600}"', 'application/octet-stream'],
    [null, 'text/plain; name="\u0001"', 'application/octet-stream'],
    ['application/zip', 'application/epub+zip', 'application/epub+zip'],
    ['application/zip', 'application/octet-stream', 'application/zip'],
    ['application/zip', 'image/png', 'application/zip'],
    ['application/xml', 'image/svg+xml', 'image/svg+xml'],
    ['video/mp4', 'audio/mp4', 'audio/mp4'],
    ['video/mp4', 'audio/x-m4a', 'audio/mp4'],
    ['audio/x-m4a', 'audio/mp4', 'audio/mp4'],
    ['audio/ogg; codecs=opus', 'audio/ogg', 'audio/ogg; codecs=opus'],
    ['image/apng', 'image/png', 'image/png'],
  ])('is, of bytes that say %s and are declared %s, %s', (sniffed, declared, expected) => {
    expect(chooseMimeType(sniffed, declared)).toBe(expected);
  });

  it('is compared without parameters and by its usual name', () => {
    expect(parseMimeType(' Audio/MP3; x=y')).toBe('audio/mpeg');
    expect(parseMimeType('')).toBeUndefined();
    expect(parseMimeType(null)).toBeUndefined();
  });
});
