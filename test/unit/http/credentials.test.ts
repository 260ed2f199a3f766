import { expect, it } from 'vitest';
import { areHashesEqual, findPresentedKey, keyToHash } from '../../../src/http/credentials.ts';

const BASIC = `Basic ${Buffer.from('me:pass:word').toString('base64')}`;

it.each([
  [{}, false, undefined],
  [{ authorization: 'Bearer abc' }, false, 'abc'],
  [{ authorization: 'bearer  abc ' }, false, 'abc'],
  [{ 'x-api-key': ' abc ' }, false, 'abc'],
  [{ 'x-api-key': 'abc', authorization: 'Bearer def' }, false, 'abc'],
  [{ authorization: BASIC }, true, 'pass:word'],
  [{ authorization: BASIC }, false, ''],
  [{ authorization: 'Digest x' }, true, ''],
  [{ authorization: 'Bearer' }, false, ''],
])('of %j (Basic allowed: %s) is %j', (headers, allowBasic, key) => {
  expect(findPresentedKey(headers, { allowBasic })).toBe(key);
});

it('compares hashes as wholes', () => {
  expect(areHashesEqual(keyToHash('a'), keyToHash('a'))).toBe(true);
  expect(areHashesEqual(keyToHash('a'), keyToHash('b'))).toBe(false);
  expect(areHashesEqual(keyToHash('a'), '')).toBe(false);
});
