import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAppError } from '../../../src/lib/errors.ts';
import type { SnapshotIdentity } from '../../../src/vault/snapshot.ts';
import {
  HEADER_BYTES,
  headerToBytes,
  parseHeader,
  type VaultHeader,
} from '../../../src/vault/vault-header.ts';
import { seed } from '../../support/scale.ts';
import { IDENTITY, OUR_ACCOUNT, sampleBytes } from '../../support/sealed-sample.ts';

const LOCKED = sampleBytes(60, 'locked');
const SALT = sampleBytes(32, 'salt');
const BY_KEY: VaultHeader = {
  identity: IDENTITY,
  method: { kind: 'key-ring', keyId: '0123456789abcdef', salt: SALT },
  locked: LOCKED,
};
const BY_PASSPHRASE: VaultHeader = {
  identity: IDENTITY,
  method: { kind: 'passphrase', cost: { log2N: 17, r: 8, p: 1 }, salt: SALT },
  locked: LOCKED,
};

function withBytes(header: VaultHeader, at: number, ...values: readonly number[]): Buffer {
  const bytes = headerToBytes(header);
  bytes.set(values, at);
  return bytes;
}

function problemOf(bytes: Uint8Array): string {
  try {
    parseHeader(bytes, IDENTITY);
  } catch (thrown) {
    if (isAppError(thrown, 'VAULT_DAMAGED')) return thrown.message;
    throw thrown;
  }
  return 'none';
}

describe('the header of a sealed file', () => {
  it.each([
    ['a key', BY_KEY],
    ['a passphrase', BY_PASSPHRASE],
  ])('comes back from its 145 bytes with %s', (_title, header) => {
    expect(headerToBytes(header).length).toBe(145);
    expect(parseHeader(headerToBytes(header))).toEqual(header);
  });

  it('is one only if it is written byte for byte as it was read', () => {
    const near = fc.tuple(
      fc.constantFrom(BY_KEY, BY_PASSPHRASE),
      fc.array(fc.tuple(fc.nat(144), fc.nat(255)), { maxLength: 6 }),
    );
    fc.assert(
      fc.property(near, ([header, changes]) => {
        const bytes = headerToBytes(header);
        for (const [at, value] of changes) bytes[at] = value;
        if (problemOf(bytes) === 'none') expect(headerToBytes(parseHeader(bytes)).equals(bytes)).toBe(true);
      }),
      { numRuns: 2_000, seed },
    );
  });

  it.each([
    ['another beginning', withBytes(BY_KEY, 0, 0x73), 'does not begin as a sealed session does'],
    [
      'a later version',
      withBytes(BY_KEY, 8, 2),
      'it is of format version 2, and this Switchboard reads version 1',
    ],
    ['version 0', withBytes(BY_KEY, 8, 0), 'it is of format version 0'],
    ['generation 0', withBytes(BY_KEY, 25, 0, 0, 0, 0, 0, 0, 0, 0), 'has no generation'],
    ['a generation beyond 2^53', withBytes(BY_KEY, 25, 0, 0x20), 'a number that is out of bounds'],
    ['a time that no date can hold', withBytes(BY_KEY, 33, 0xff), 'a number that is out of bounds'],
    ['wrapping of kind 0', withBytes(BY_KEY, 41, 0), 'an unknown kind of wrapping, 0'],
    ['wrapping of kind 3', withBytes(BY_KEY, 41, 3), 'an unknown kind of wrapping, 3'],
    ['a key that is called a passphrase', withBytes(BY_KEY, 41, 2), 'a key beside a passphrase'],
    [
      'a passphrase that is called a key',
      withBytes(BY_PASSPHRASE, 41, 1),
      'parameters of scrypt beside a key',
    ],
    ['scrypt beside a key', withBytes(BY_KEY, 84, 1), 'parameters of scrypt beside a key'],
    ['a key id beside a passphrase', withBytes(BY_PASSPHRASE, 49, 1), 'a key beside a passphrase'],
    ['a cheap N', withBytes(BY_PASSPHRASE, 82, 13), 'scrypt with 2^13, 8, 1, which is out of bounds'],
    ['an N of many gigabytes', withBytes(BY_PASSPHRASE, 82, 30), 'scrypt with 2^30, 8, 1, which is out'],
    ['the largest N there is', withBytes(BY_PASSPHRASE, 82, 255, 255, 255), 'scrypt with 2^255, 255, 255'],
    ['an r of a gigabyte', withBytes(BY_PASSPHRASE, 83, 64), 'scrypt with 2^17, 64, 1, which is out'],
    ['no r', withBytes(BY_PASSPHRASE, 83, 0), 'scrypt with 2^17, 0, 1, which is out'],
    ['no p', withBytes(BY_PASSPHRASE, 84, 0), 'scrypt with 2^17, 8, 0, which is out'],
    ['a p of many minutes', withBytes(BY_PASSPHRASE, 84, 5), 'scrypt with 2^17, 8, 5, which is out'],
    ['a byte missing', headerToBytes(BY_KEY).subarray(0, -1), 'its head is cut off'],
    ['nothing', new Uint8Array(), 'does not begin as a sealed session does'],
  ])('is refused with %s', (_title, bytes, problem) => {
    expect(problemOf(bytes)).toContain(problem);
    expect(problemOf(bytes)).toContain(`generation 7 of account ${OUR_ACCOUNT}`);
  });

  it('is refused at every length but its own', () => {
    const bytes = Buffer.concat([headerToBytes(BY_KEY), Buffer.alloc(20)]);
    for (let length = 0; length <= bytes.length; length += 1) {
      expect(problemOf(bytes.subarray(0, length)) === 'none').toBe(length === HEADER_BYTES);
    }
  });

  it.each([
    ['generation 0', { generation: 0 }],
    ['half a generation', { generation: 1.5 }],
    ['a generation that numbers cannot hold', { generation: 2 ** 53 }],
    ['no time', { sealedAt: new Date(Number.NaN) }],
    ['a time before 1970', { sealedAt: new Date(-1) }],
  ] satisfies readonly [string, Partial<SnapshotIdentity>][])('is never written with %s', (_title, wrong) => {
    expect(() => headerToBytes({ ...BY_KEY, identity: { ...IDENTITY, ...wrong } })).toThrow(
      'A snapshot has a generation from 1 up and a time.',
    );
  });
});
