import { expect, it } from 'vitest';
import { toContentDisposition } from '../../../src/http/content-disposition.ts';

it.each([
  ['report.pdf', 'report.pdf', 'report.pdf'],
  ['../../etc/passwd', 'passwd', 'passwd'],
  ['a"b\\c.txt', 'c.txt', 'c.txt'],
  ['a"b%.txt', 'a_b_.txt', 'a%22b%25.txt'],
  ['x\r\nSet-Cookie: y.txt', 'xSet-Cookie: y.txt', 'xSet-Cookie%3A%20y.txt'],
  ['übung.png', '_bung.png', '%C3%BCbung.png'],
  ["it's (1).png", "it's (1).png", 'it%27s%20%281%29.png'],
  ['evil\u202Egnp.exe', 'evilgnp.exe', 'evilgnp.exe'],
  ['half \uD800.png', 'half _.png', 'half%20%EF%BF%BD.png'],
  [null, 'fallback', 'fallback'],
  ['..', 'fallback', 'fallback'],
])('of %j is safe in both forms', (name, ascii, encoded) => {
  expect(toContentDisposition(name, 'fallback')).toBe(
    `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`,
  );
});
