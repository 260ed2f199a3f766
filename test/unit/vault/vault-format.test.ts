import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makeKeyRing } from '../../../src/vault/key-ring.ts';
import { makePassphraseLock } from '../../../src/vault/passphrase.ts';
import { openStream, peekHeader } from '../../../src/vault/sealed-stream.ts';
import { collect, streamOf } from '../../support/byte-stream.ts';
import { readVault } from '../../support/vault-reader.ts';

const PAGE = readFileSync(new URL('../../../docs/vault-format.md', import.meta.url), 'utf8');
const KEY = Buffer.from(Array.from({ length: 32 }, (_, index) => index));
/** Scrypt takes long on a busy machine. */
const SCRYPT_TIMEOUT_MS = 60_000;
const PASSPHRASE = 'correct horse battery staple';
const PLAIN = 'Sealed for good.\n';

/** The files that the page gives to try a reader on: one under the key, one under the passphrase. */
const [BY_KEY = Buffer.alloc(0), BY_PASSPHRASE = Buffer.alloc(0)] = [
  ...PAGE.matchAll(/```hex\n([0-9a-f\n]+)```/g),
].map(([, hex = '']) => Buffer.from(hex.replaceAll('\n', ''), 'hex'));

describe('the example files of the format page', { timeout: SCRYPT_TIMEOUT_MS }, () => {
  it('are under the key and the passphrase that the page names', () => {
    expect(PAGE).toContain(`\`${KEY.toString('hex')}\``);
    expect(PAGE).toContain(`\`${PASSPHRASE}\``);
    expect(PAGE).toContain('`a1a228e6af1d792d`');
  });

  it('are read by the daemon, in this version and every later one', async () => {
    const { header } = await peekHeader(streamOf(BY_KEY));
    const { identity } = header;
    expect(identity).toEqual({
      accountId: '3f2b8c1e-5d4a-4e6f-9a7b-0c1d2e3f4a5b',
      generation: 7,
      sealedAt: new Date('2026-01-02T03:04:05.678Z'),
    });
    using ring = makeKeyRing({ current: KEY, previous: [] });
    expect(ring.currentKeyId).toBe('a1a228e6af1d792d');
    const byKey = openStream(streamOf(BY_KEY), { ...identity, keyRing: ring });
    expect((await collect(byKey)).toString()).toBe(PLAIN);
    const keyRing = makePassphraseLock(PASSPHRASE);
    const byPassphrase = openStream(streamOf(BY_PASSPHRASE), { ...identity, keyRing });
    expect((await collect(byPassphrase)).toString()).toBe(PLAIN);
  });

  it('are read by the second reader', () => {
    expect(readVault(BY_KEY, { key: KEY }).plain.toString()).toBe(PLAIN);
    expect(readVault(BY_PASSPHRASE, { passphrase: PASSPHRASE }).plain.toString()).toBe(PLAIN);
  });
});
