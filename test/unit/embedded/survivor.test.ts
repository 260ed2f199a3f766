import { describe, expect, test } from 'vitest';
import { isMarked } from '../../../src/embedded/survivor.ts';

const mark = { program: 'postgres', option: '-D', value: '/data/postgres/data' };

describe('a process is taken for the server of this data folder', () => {
  test.each([
    ['when it runs the program on it', ['/x/bin/postgres', '-D', '/data/postgres/data', '-p', '5432']],
    [
      'when it is about to',
      ['setpriv', '--reuid=65534', '--', '/x/bin/postgres', '-D', '/data/postgres/data'],
    ],
  ])('%s', (_, args) => {
    expect(isMarked(args, mark)).toBe(true);
  });

  test.each([
    ['when it serves another folder', ['/x/bin/postgres', '-D', '/data/postgres/data2']],
    ['when it is another program', ['tail', '-D', '/data/postgres/data']],
    ['when it names the folder for something else', ['/x/bin/postgres', '-k', '/data/postgres/data']],
    ['when it is a zombie', ['']],
    ['when it is gone', []],
  ])('not %s', (_, args) => {
    expect(isMarked(args, mark)).toBe(false);
  });
});
