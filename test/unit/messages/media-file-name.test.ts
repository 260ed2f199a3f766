import { describe, expect, it } from 'vitest';
import { parseFileName, responseToFileName } from '../../../src/messages/media-file-name.ts';

describe('a file name from outside', () => {
  it.each<[string | null, string | null]>([
    ['report.pdf', 'report.pdf'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\temp\\a.txt', 'a.txt'],
    ['a\u0000b\n.txt', 'ab.txt'],
    ['..', null],
    ['folder/', null],
    ['  ', null],
    [null, null],
    [`${'x'.repeat(300)}.pdf`, `${'x'.repeat(196)}.pdf`],
  ])('%j becomes %j', (raw, expected) => {
    expect(parseFileName(raw)).toBe(expected);
  });

  it.each<[string | undefined, string, string | null]>([
    ['attachment; filename="a b.pdf"', 'http://x/y', 'a b.pdf'],
    ['attachment; filename="x"; filename*=UTF-8\'\'%C3%A9.pdf', 'http://x/y', 'é.pdf'],
    ['attachment; filename=plain.txt', 'http://x/y', 'plain.txt'],
    [undefined, 'http://x/folder/photo%20one.jpg?size=1', 'photo one.jpg'],
    [undefined, 'http://x/bad%E0%A4.jpg', 'bad%E0%A4.jpg'],
    [undefined, 'http://x/', null],
  ])('is taken from the header %j or the address %s: %j', (header, url, expected) => {
    expect(responseToFileName(header, new URL(url))).toBe(expected);
  });
});
