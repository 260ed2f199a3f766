import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/lib/errors.ts';
import { type KeyRing, makeKeyRing } from '../../../src/vault/key-ring.ts';
import type { VaultHeader } from '../../../src/vault/vault-header.ts';
import {
  CURRENT_KEY,
  IDENTITY,
  namedKey,
  OLD_KEY,
  OTHER_ACCOUNT,
  OUR_ACCOUNT,
} from '../../support/sealed-sample.ts';

const DATA_KEY = namedKey('data');

/** Ids that were computed from the keys by another program. */
const COUNTING_KEY = Buffer.from(Array.from({ length: 32 }, (_, index) => index));
const COUNTING_KEY_ID = 'a1a228e6af1d792d';

function wrapped(ring: KeyRing): VaultHeader {
  return { identity: IDENTITY, ...ring.wrap(IDENTITY, DATA_KEY) };
}

function failureOf(action: () => unknown): AppError {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof AppError) return thrown;
    throw thrown;
  }
  throw new Error('It did not fail.');
}

describe('a key ring', () => {
  it('names its keys, the current one first, and the same key once', () => {
    using ring = makeKeyRing({ current: COUNTING_KEY, previous: [OLD_KEY, COUNTING_KEY, OLD_KEY] });
    expect(ring.currentKeyId).toBe(COUNTING_KEY_ID);
    expect(ring.keyIds).toHaveLength(2);
    expect(ring.keyIds[0]).toBe(COUNTING_KEY_ID);
  });

  it('opens what it wrapped, never the same way twice', () => {
    using ring = makeKeyRing({ current: CURRENT_KEY, previous: [] });
    const [one, other] = [wrapped(ring), wrapped(ring)];
    expect(ring.unwrap(one).equals(DATA_KEY)).toBe(true);
    expect(Buffer.from(one.locked).equals(Buffer.from(other.locked))).toBe(false);
    expect(Buffer.from(one.method.salt).equals(Buffer.from(other.method.salt))).toBe(false);
  });

  it('opens with a previous key and wraps with the current one', () => {
    using old = makeKeyRing({ current: OLD_KEY, previous: [] });
    using ring = makeKeyRing({ current: CURRENT_KEY, previous: [OLD_KEY] });
    expect(ring.unwrap(wrapped(old)).equals(DATA_KEY)).toBe(true);
    expect(wrapped(ring).method).toMatchObject({ kind: 'key-ring', keyId: ring.currentKeyId });
  });

  it('names the key that is missing, and no key', () => {
    using old = makeKeyRing({ current: OLD_KEY, previous: [] });
    using ring = makeKeyRing({ current: CURRENT_KEY, previous: [] });
    const failure = failureOf(() => ring.unwrap(wrapped(old)));
    expect(failure.code).toBe('VAULT_KEY_MISSING');
    expect(failure.details).toEqual({ keyId: old.currentKeyId, accountId: OUR_ACCOUNT, generation: 7 });
    expect(failure.message).toContain(`encryption key with the id ${old.currentKeyId}`);
    expect(failure.message).toContain(`At hand: ${ring.currentKeyId}`);
    expect(JSON.stringify([failure.message, failure.stack, failure.details])).not.toMatch(
      new RegExp(`${CURRENT_KEY.toString('hex')}|${OLD_KEY.toString('hex')}`),
    );
  });

  it('finds that only the key id was changed', () => {
    using ring = makeKeyRing({ current: CURRENT_KEY, previous: [OLD_KEY] });
    const { method, ...rest } = wrapped(ring);
    const other = { kind: 'key-ring', keyId: '0000000000000000', salt: method.salt } as const;
    const failure = failureOf(() => ring.unwrap({ ...rest, method: other }));
    expect(failure.code).toBe('VAULT_DAMAGED');
    expect(failure.message).toContain('the id of its key was changed');
  });

  it.each([
    ['another account', { accountId: OTHER_ACCOUNT }],
    ['another generation', { generation: 8 }],
    ['another time', { sealedAt: new Date(0) }],
  ])('does not open what was wrapped for %s', (_title, other) => {
    using ring = makeKeyRing({ current: CURRENT_KEY, previous: [] });
    const header = wrapped(ring);
    const failure = failureOf(() => ring.unwrap({ ...header, identity: { ...IDENTITY, ...other } }));
    expect(failure.code).toBe('VAULT_DAMAGED');
  });

  it('says of an export that it needs its passphrase', () => {
    using ring = makeKeyRing({ current: CURRENT_KEY, previous: [] });
    const cost = { log2N: 17, r: 8, p: 1 };
    const header = {
      ...wrapped(ring),
      method: { kind: 'passphrase', cost, salt: Buffer.alloc(32) },
    } as const;
    expect(failureOf(() => ring.unwrap(header)).message).toContain(
      'an export that only its passphrase opens',
    );
  });

  it('keeps copies of its keys, and neither opens nor wraps once it is closed, also twice', () => {
    const key = Buffer.from(CURRENT_KEY);
    const ring = makeKeyRing({ current: key, previous: [] });
    const header = wrapped(ring);
    ring[Symbol.dispose]();
    ring[Symbol.dispose]();
    expect(key.equals(CURRENT_KEY)).toBe(true);
    expect(failureOf(() => ring.unwrap(header)).message).toContain('The key ring is closed');
    expect(failureOf(() => ring.wrap(IDENTITY, DATA_KEY)).message).toContain('The key ring is closed');
  });

  it.each([0, 16, 31, 33, 64])('refuses a key of %i bytes', (length) => {
    const short = Buffer.alloc(length, 7);
    expect(failureOf(() => makeKeyRing({ current: short, previous: [] })).code).toBe('CONFIG_INVALID');
    expect(failureOf(() => makeKeyRing({ current: CURRENT_KEY, previous: [short] })).code).toBe(
      'CONFIG_INVALID',
    );
  });
});
