import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEncryptionKey } from '../../../src/config/encryption-key.ts';

const bytes32 = fc.constant(null).map(() => randomBytes(32));

describe('parseEncryptionKey', () => {
  it('takes any random key in every notation', () => {
    fc.assert(
      fc.property(bytes32, (key) => {
        expect(Buffer.from(parseEncryptionKey(key.toString('hex')))).toEqual(key);
        expect(Buffer.from(parseEncryptionKey(key.toString('hex').toUpperCase()))).toEqual(key);
        expect(Buffer.from(parseEncryptionKey(key.toString('base64')))).toEqual(key);
        expect(Buffer.from(parseEncryptionKey(key.toString('base64url')))).toEqual(key);
      }),
      { numRuns: 500 },
    );
  });

  it('takes a random key in which a short word of placeholders turned up', () => {
    const text = 'XXkdka1XuaUBcqaa7eOE3YoUr_d2fUxdZEdsYqKIr1o';
    expect(Buffer.from(parseEncryptionKey(text)).toString('base64url')).toBe(text);
  });

  it('takes 32 random characters as their bytes', () => {
    fc.assert(
      fc.property(bytes32, (random) => {
        for (const text of [
          random.toString('base64url').slice(0, 32),
          random.subarray(0, 16).toString('hex'),
        ]) {
          expect(Buffer.from(parseEncryptionKey(text)).toString('latin1')).toBe(text);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['too short', 'abc'],
    ['63 hexadecimal digits', randomBytes(32).toString('hex').slice(1)],
    ['base64 of 31 bytes', randomBytes(31).toString('base64')],
    ['base64 of 33 bytes', randomBytes(33).toString('base64')],
    ['31 characters', 'q7Rk2ZpX9vLm4TnB8wYc5HsD1fGj6Ke'],
    ['32 characters with a space', 'q7Rk2ZpX9vLm4TnB 8wYc5HsD1fGj6Ke'],
    ['32 characters with one that is not ASCII', 'q7Rk2ZpX9vLm4TnBü8wYc5HsD1fGj6Ke'],
  ])('refuses %s, and says what it takes', (_name, text) => {
    expect(() => parseEncryptionKey(text)).toThrow(
      /Write 32 bytes: .* or 32 printable ASCII characters without spaces\./,
    );
  });

  it.each([
    'your-32-character-encryption-key',
    'change-me-change-me-change-me-12',
    'replace_this_with_32_characters!',
    'my-super-secret-encryption-key!!',
    'thisisanexampleof32characters!!!',
    'PasswordPasswordPasswordPassword',
    'your-key-of-32-characters-goes-a',
    'put_your_key_of_32_characters_in',
  ])('refuses the placeholder %s', (text) => {
    expect(() => parseEncryptionKey(text)).toThrow(/placeholder/);
  });

  it.each([
    '0'.repeat(64),
    'a'.repeat(32),
    'deadbe3f'.repeat(8),
    '0123456789abcdef'.repeat(4),
    '00112233445566778899aabbccddeeff'.repeat(2),
    '0123456789abcdef0123456789abcdef',
    'abcdefghijklmnopqrstuvwxyz012345',
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ123456',
    '12345678901234567890123456789012',
    'abcabcabcabcabcabcabcabcabcabcab',
    Buffer.alloc(32).toString('base64'),
    Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64'),
    Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('hex'),
  ])('refuses %s, which can be guessed', (text) => {
    expect(() => parseEncryptionKey(text)).toThrow(/guessed/);
  });

  it('never repeats the key', () => {
    for (const text of ['hunter2', 'change-me-hunter2-aaaaaaaaaaaaaa', 'hunter2-'.repeat(4)]) {
      let message = '';
      try {
        parseEncryptionKey(text);
      } catch (thrown) {
        message = String(thrown);
      }
      expect(message).not.toBe('');
      expect(message).not.toContain('hunter2');
    }
  });
});
