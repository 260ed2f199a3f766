import { describe, expect, it } from 'vitest';
import { unpackSnappy } from '../../../../src/channels/whatsapp-web/snappy.ts';
import { varints } from '../../../support/leveldb-bytes.ts';

/** The length of the content, and the pieces that make it. */
const packed = (length: number, ...pieces: readonly (readonly number[])[]) =>
  Buffer.concat([varints(length), ...pieces.map((piece) => Buffer.from(piece))]);

const bytesOf = (text: string) => [...Buffer.from(text)];
/** Bytes as they are, up to 60 of them. */
const plain = (text: string) => [(text.length - 1) << 2, ...bytesOf(text)];
const long = 'x'.repeat(300);

describe('the content of bytes that were packed with snappy', () => {
  it.each<[string, Buffer, string]>([
    ['nothing', packed(0), ''],
    ['bytes as they are', packed(5, plain('hello')), 'hello'],
    [
      'as many as have a length of their own',
      packed(61, [60 << 2, 60], bytesOf('y'.repeat(61))),
      'y'.repeat(61),
    ],
    ['more of them', packed(300, [61 << 2, 43, 1], bytesOf(long)), long],
    ['a length of four bytes', packed(2, [63 << 2, 1, 0, 0, 0], bytesOf('ab')), 'ab'],
    ['a copy from near', packed(9, plain('hello'), [1, 5]), 'hellohell'],
    [
      'a copy from up to 2 KiB before',
      packed(304, [61 << 2, 43, 1], bytesOf(`ab${long}`.slice(0, 300)), [(1 << 5) | 1, 44]),
      `ab${long}`.slice(0, 300).concat('abxx'),
    ],
    ['a copy from further', packed(8, plain('hello'), [(2 << 2) | 2, 5, 0]), 'hellohel'],
    ['a copy from furthest', packed(8, plain('hello'), [(2 << 2) | 3, 5, 0, 0, 0]), 'hellohel'],
    ['a copy that goes on into itself', packed(66, plain('ab'), [(63 << 2) | 2, 2, 0]), 'ab'.repeat(33)],
  ])('is %s', (_what, bytes, content) => {
    expect(unpackSnappy(bytes).toString()).toBe(content);
  });

  it.each<[string, Buffer]>([
    ['there are none', Buffer.alloc(0)],
    ['they name a content that they cannot hold', packed(2 ** 31, plain('hello'))],
    ['they name a content of no end', Buffer.alloc(20, 0xff)],
    ['they make less than they name', packed(6, plain('hello'))],
    ['bytes make more', packed(4, plain('hello'))],
    ['a copy makes more', packed(6, plain('hello'), [1, 5])],
    ['bytes are cut off', packed(5, plain('hello')).subarray(0, 4)],
    ['a length is cut off', packed(5, [61 << 2, 1])],
    ['a copy is cut off', packed(9, plain('hello'), [1])],
    ['a copy begins before the content', packed(9, plain('hello'), [1, 6])],
    ['a copy begins nowhere', packed(9, plain('hello'), [1, 0])],
  ])('is none if %s', (_what, bytes) => {
    expect(() => unpackSnappy(bytes)).toThrow(RangeError);
  });
});
