import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { findMalformedLines } from '../../../src/config/dotenv-line.ts';

describe('findMalformedLines', () => {
  it.each([
    ['', {}],
    ['# PORT\n\n   # HOST 1\n', {}],
    ['PORT=1\r\nHOST = ::1\r\n', { PORT: '1', HOST: '::1' }],
    ['export PORT=1\n  A.b-c=', { PORT: '1', 'A.b-c': '' }],
    ['KEY="a\nb\nc"\nPORT=1', { KEY: 'a\nb\nc', PORT: '1' }],
    ["KEY='a b' # no more\nPORT=1", { KEY: 'a b', PORT: '1' }],
    ['KEY="never closed\nPORT=1', { KEY: '"never closed', PORT: '1' }],
  ])('finds nothing in %j, which Node reads', (text, values) => {
    expect(findMalformedLines(text)).toEqual([]);
    expect(parseEnv(text)).toEqual(values);
  });

  it.each([
    ['PORT', [1]],
    ['PORT=1\nPORT: 1\n\nexport HOST\n', [2, 4]],
    ['=1', [1]],
    ['DATABASE_URL: postgres://a/b?c=d', [1]],
    ['MY PORT=1', [1]],
    ['KEY="a\nb"\nc', [3]],
  ])('finds the lines of %j that set no variable', (text, numbers) => {
    const problems = findMalformedLines(text);
    expect(problems.map(({ message }) => Number(/^Line (\d+) /.exec(message)?.[1]))).toEqual(numbers);
    expect(JSON.stringify(problems)).not.toMatch(/PORT|HOST|postgres/);
  });
});
