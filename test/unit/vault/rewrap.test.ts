import { describe, expect, it } from 'vitest';
import { makeKeyRing } from '../../../src/vault/key-ring.ts';
import { makePassphraseLock } from '../../../src/vault/passphrase.ts';
import { isWrappedByCurrent, rewrapStream } from '../../../src/vault/rewrap.ts';
import { openStream, peekHeader, sealStream } from '../../../src/vault/sealed-stream.ts';
import type { SnapshotIdentity } from '../../../src/vault/snapshot.ts';
import type { VaultHeader } from '../../../src/vault/vault-header.ts';
import { collect, collectUntilFailure, streamOf } from '../../support/byte-stream.ts';
import {
  CURRENT_KEY,
  IDENTITY,
  namedKey,
  OLD_KEY,
  OTHER_ACCOUNT,
  RING,
  sampleBytes,
  sealed,
} from '../../support/sealed-sample.ts';
import { readVault } from '../../support/vault-reader.ts';

const MIB = 1024 ** 2;
/** Scrypt takes long on a busy machine. */
const SCRYPT_TIMEOUT_MS = 60_000;
const PASSPHRASE = 'correct horse battery staple';
const OLD_RING = makeKeyRing({ current: OLD_KEY, previous: [] });
const BOTH_RING = makeKeyRing({ current: CURRENT_KEY, previous: [OLD_KEY] });
const PLAIN = sampleBytes(2.5 * MIB);

async function headerOf(file: Buffer) {
  await using peeked = await peekHeader(streamOf(file));
  return peeked.header;
}

describe('wrapping a sealed file anew', () => {
  it('rotates it to the current key and leaves identity and body byte for byte', async () => {
    const file = await sealed(PLAIN, IDENTITY, OLD_RING);
    const rotated = await collect(
      rewrapStream(streamOf(file), { ...IDENTITY, from: BOTH_RING, to: BOTH_RING }),
    );
    expect(rotated.subarray(0, 41).equals(file.subarray(0, 41))).toBe(true);
    expect(rotated.subarray(41, 145).equals(file.subarray(41, 145))).toBe(false);
    expect(rotated.subarray(145).equals(file.subarray(145))).toBe(true);
    expect((await collect(openStream(streamOf(rotated), { ...IDENTITY, keyRing: RING }))).equals(PLAIN)).toBe(
      true,
    );
    expect(readVault(rotated, { key: CURRENT_KEY }).plain.equals(PLAIN)).toBe(true);
    expect(() => readVault(rotated, { key: OLD_KEY })).toThrow();
  });

  it('is known to be needed by the header alone', async () => {
    const old = await headerOf(await sealed(PLAIN, IDENTITY, OLD_RING));
    expect(isWrappedByCurrent(old, BOTH_RING)).toBe(false);
    expect(isWrappedByCurrent(old, OLD_RING)).toBe(true);
    const method = { kind: 'passphrase', cost: { log2N: 17, r: 8, p: 1 }, salt: old.method.salt } as const;
    expect(isWrappedByCurrent({ ...old, method }, BOTH_RING)).toBe(false);
  });

  it('exports to a passphrase that a second reader opens too, and imports with another key', {
    timeout: SCRYPT_TIMEOUT_MS,
  }, async () => {
    const lock = makePassphraseLock(PASSPHRASE);
    const file = await sealed(PLAIN);
    const exported = await collect(rewrapStream(streamOf(file), { ...IDENTITY, from: RING, to: lock }));
    expect(readVault(exported, { passphrase: PASSPHRASE }).plain.equals(PLAIN)).toBe(true);
    expect(exported.includes(RING.currentKeyId, 0, 'hex')).toBe(false);

    using there = makeKeyRing({ current: namedKey('there'), previous: [] });
    const imported = await collect(rewrapStream(streamOf(exported), { ...IDENTITY, from: lock, to: there }));
    expect(imported.subarray(145).equals(file.subarray(145))).toBe(true);
    const opened = openStream(streamOf(imported), { ...IDENTITY, keyRing: there });
    expect((await collect(opened)).equals(PLAIN)).toBe(true);
  });

  it.each([
    ['is done', Number.POSITIVE_INFINITY],
    ['is given up in the middle', 2],
  ])('zeroes the data key once it %s', async (_title, pieces) => {
    const keys: Uint8Array[] = [];
    const watched = {
      unwrap: (header: VaultHeader) => {
        const key = RING.unwrap(header);
        keys.push(key);
        return key;
      },
      wrap: (identity: SnapshotIdentity, key: Uint8Array) => {
        keys.push(key);
        return RING.wrap(identity, key);
      },
    };
    const file = streamOf(await sealed(PLAIN));
    const rewrapped = rewrapStream(file, { ...IDENTITY, from: watched, to: watched });
    const opened = openStream(rewrapped, { ...IDENTITY, keyRing: watched });
    const resealed = sealStream(opened, { identity: IDENTITY, keyRing: watched });
    let taken = 0;
    for await (const _piece of resealed) {
      taken += 1;
      if (taken === pieces) break;
    }
    expect(keys).toHaveLength(4);
    for (const key of keys) expect(key.every((byte) => byte === 0)).toBe(true);
  });

  it('is refused for another account and yields nothing of it', async () => {
    const exported = streamOf(await sealed(PLAIN));
    const { failure, yielded } = await collectUntilFailure(
      rewrapStream(exported, { ...IDENTITY, accountId: OTHER_ACCOUNT, from: RING, to: RING }),
    );
    expect(failure).toMatchObject({ code: 'VAULT_DAMAGED', details: { accountId: OTHER_ACCOUNT } });
    expect(yielded.length).toBe(0);
  });

  it('copies no chunk that is damaged', async () => {
    const file = await sealed(PLAIN);
    file.writeUInt8((file[145 + MIB + 100] ?? 0) ^ 1, 145 + MIB + 100);
    const { failure, yielded } = await collectUntilFailure(
      rewrapStream(streamOf(file), { ...IDENTITY, from: RING, to: BOTH_RING }),
    );
    expect(failure).toMatchObject({ code: 'VAULT_DAMAGED', details: { chunk: 1 } });
    expect(yielded.length).toBe(145 + MIB + 16);
  });

  it('writes nothing if the key is missing or the passphrase is wrong', async () => {
    const file = await sealed(PLAIN, IDENTITY, OLD_RING);
    for (const [from, code] of [
      [RING, 'VAULT_KEY_MISSING'],
      [makePassphraseLock(PASSPHRASE), 'VALIDATION_FAILED'],
    ] as const) {
      const { failure, yielded } = await collectUntilFailure(
        rewrapStream(streamOf(file), { ...IDENTITY, from, to: RING }),
      );
      expect(failure).toMatchObject({ code });
      expect(yielded.length).toBe(0);
    }
  });
});
