import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/lib/errors.ts';
import { makePassphraseLock } from '../../../src/vault/passphrase.ts';
import type { VaultHeader } from '../../../src/vault/vault-header.ts';
import { IDENTITY, namedKey, OTHER_ACCOUNT, RING } from '../../support/sealed-sample.ts';

const DATA_KEY = namedKey('data');
/** Scrypt takes long on a busy machine. */
const SCRYPT_TIMEOUT_MS = 60_000;
const PASSPHRASE = 'correct horse battery staple';

/** Scrypt has its price, so that the tests share one wrapped key. */
const LOCK = makePassphraseLock(PASSPHRASE);
const HEADER: VaultHeader = { identity: IDENTITY, ...(await LOCK.wrap(IDENTITY, DATA_KEY)) };

async function failureOf(work: unknown): Promise<AppError> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof AppError) return thrown;
    throw thrown;
  }
  throw new Error('It did not fail.');
}

describe('a passphrase', { timeout: SCRYPT_TIMEOUT_MS }, () => {
  it('opens what it wrapped, with its parameters in the header', async () => {
    expect((await LOCK.unwrap(HEADER)).equals(DATA_KEY)).toBe(true);
    expect(HEADER.method).toMatchObject({ kind: 'passphrase', cost: { log2N: 17, r: 8, p: 1 } });
  });

  it('lets the event loop go on while it is computed', async () => {
    let turns = 0;
    const computed = Promise.resolve(LOCK.unwrap(HEADER)).then(() => 'done');
    const turn = () => new Promise<string>((resolve) => setImmediate(resolve, 'turn'));
    while ((await Promise.race([computed, turn()])) !== 'done') turns += 1;
    expect(turns).toBeGreaterThan(10);
  });

  it('is named, and not shown, when it is wrong', async () => {
    const wrong = 'incorrect horse battery';
    const failure = await failureOf(makePassphraseLock(wrong).unwrap(HEADER));
    const message = 'This is not the passphrase that the file was exported with, or the file was changed.';
    expect(failure).toMatchObject({
      code: 'VALIDATION_FAILED',
      message,
      details: [{ field: 'passphrase', message }],
    });
    expect(JSON.stringify([failure.stack, failure.details])).not.toContain(wrong);
  });

  it.each([
    ['the identity', { identity: { ...IDENTITY, accountId: OTHER_ACCOUNT } }],
    ['the wrapped key', { locked: Buffer.alloc(60, 1) }],
    ['the salt', { method: { ...HEADER.method, salt: Buffer.alloc(32, 1) } }],
    [
      'the parameters',
      { method: { ...HEADER.method, cost: { log2N: 16, r: 8, p: 1 } } as VaultHeader['method'] },
    ],
  ])('is refused alike if %s was changed', async (_title, change) => {
    const failure = await failureOf(LOCK.unwrap({ ...HEADER, ...change }));
    expect(failure).toMatchObject({ code: 'VALIDATION_FAILED', details: [{ field: 'passphrase' }] });
  });

  it('is the same however its letters are composed', async () => {
    const composed = makePassphraseLock('M\u00fcnchen im Fr\u00fchling');
    const header = { identity: IDENTITY, ...(await composed.wrap(IDENTITY, DATA_KEY)) };
    const apart = makePassphraseLock('Mu\u0308nchen im Fru\u0308hling');
    expect((await apart.unwrap(header)).equals(DATA_KEY)).toBe(true);
  });

  it('is refused for a file that has none, which names its key', async () => {
    const header = { identity: IDENTITY, ...RING.wrap(IDENTITY, DATA_KEY) };
    const failure = await failureOf(LOCK.unwrap(header));
    expect(failure).toMatchObject({ code: 'VALIDATION_FAILED', details: [{ field: 'file' }] });
    expect(failure.message).toContain(`the encryption key ${RING.currentKeyId} opens it`);
  });

  it.each(['', 'short', 'elevenchars'])('of too few characters seals nothing: "%s"', async (short) => {
    const failure = await failureOf(makePassphraseLock(short).wrap(IDENTITY, DATA_KEY));
    expect(failure).toMatchObject({ code: 'VALIDATION_FAILED', details: [{ field: 'passphrase' }] });
    expect(failure.message).toBe('The passphrase needs 12 characters or more.');
  });
});
