import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makePassphraseLock } from '../../../src/vault/passphrase.ts';
import { openStream, peekHeader, sealStream } from '../../../src/vault/sealed-stream.ts';
import type { SnapshotIdentity } from '../../../src/vault/snapshot.ts';
import { collect, collectUntilFailure, streamOf } from '../../support/byte-stream.ts';
import { scaled, seed } from '../../support/scale.ts';
import {
  CURRENT_KEY,
  IDENTITY,
  OTHER_ACCOUNT,
  OUR_ACCOUNT,
  RING,
  sampleBytes,
  sealed,
} from '../../support/sealed-sample.ts';
import { readVault } from '../../support/vault-reader.ts';

const MIB = 1024 ** 2;
const BIG_BYTES = scaled(64, 500) * MIB;
const MAX_GROWTH_BYTES = 64 * MIB;

const OPEN = { ...IDENTITY, keyRing: RING };

/** A source that says whether it was let go of, and fails if asked to. */
function makeSource(bytes: Uint8Array, failAt = Number.POSITIVE_INFINITY) {
  const state = { isClosed: false };
  async function* source() {
    try {
      let at = 0;
      for await (const piece of streamOf(bytes, [100_000])) {
        at += piece.length;
        if (at > failAt) throw new Error('The source broke off.');
        yield piece;
      }
    } finally {
      state.isClosed = true;
    }
  }
  return { state, stream: source() };
}

describe('a sealed stream', () => {
  it.each([0, 1, 17, MIB - 1, MIB, MIB + 1, 2 * MIB, 2.5 * MIB])('gives back %i bytes', async (length) => {
    const plain = sampleBytes(length);
    const file = await sealed(plain);
    expect(file.length).toBe(145 + length + 16 * Math.max(1, Math.ceil(length / MIB)));
    expect((await collect(openStream(streamOf(file), OPEN))).equals(plain)).toBe(true);
  });

  it('is the same whatever sizes its bytes come in, and a second reader agrees', async () => {
    const sizes = fc.array(fc.nat({ max: 70_000 }), { minLength: 1, maxLength: 8 });
    const some = sizes.filter((each) => each.some((size) => size > 0));
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 300_000 }), some, some, async (length, cutsIn, cutsOut) => {
        const plain = sampleBytes(length);
        const file = await collect(
          sealStream(streamOf(plain, cutsIn), { identity: IDENTITY, keyRing: RING }),
        );
        expect((await collect(openStream(streamOf(file, cutsOut), OPEN))).equals(plain)).toBe(true);
        expect(readVault(file, { key: CURRENT_KEY }).plain.equals(plain)).toBe(true);
      }),
      { numRuns: scaled(40, 400), seed },
    );
  });

  it('carries its identity to a second reader', async () => {
    const identities = fc.record({
      accountId: fc.constantFrom(OUR_ACCOUNT, OTHER_ACCOUNT),
      generation: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      sealedAt: fc.date({ min: new Date(0), noInvalidDate: true }),
    });
    await fc.assert(
      fc.asyncProperty(identities, async (identity: SnapshotIdentity) => {
        const file = await sealed(Buffer.from('x'), identity);
        expect(readVault(file, { key: CURRENT_KEY })).toMatchObject({
          accountId: identity.accountId.replaceAll('-', ''),
          generation: BigInt(identity.generation),
          sealedAtMs: BigInt(identity.sealedAt.getTime()),
          keyId: RING.currentKeyId,
        });
        const { header } = await peekHeader(streamOf(file));
        expect(header.identity).toEqual(identity);
      }),
      { numRuns: 100, seed },
    );
  });

  it('never seals the same plaintext to the same bytes', async () => {
    const [one, other] = await Promise.all([sealed(Buffer.from('same')), sealed(Buffer.from('same'))]);
    expect(one?.subarray(50).equals(other?.subarray(50) ?? Buffer.alloc(0))).toBe(false);
  });

  it.each([
    ['another account', { accountId: OTHER_ACCOUNT }],
    ['an older generation', { generation: 6 }],
    ['a newer generation', { generation: 8 }],
  ])('is refused where %s is asked for', async (_title, asked) => {
    const file = await sealed(Buffer.from('x'));
    const { failure } = await collectUntilFailure(openStream(streamOf(file), { ...OPEN, ...asked }));
    expect(failure).toMatchObject({ code: 'VAULT_DAMAGED', details: asked });
    expect((failure as Error).message).toContain(`it is generation 7 of account ${OUR_ACCOUNT}`);
  });

  it('hands no error of its source on as damage, and lets go of the source', async () => {
    const file = await sealed(sampleBytes(2.5 * MIB));
    const broken = makeSource(file, 1.5 * MIB);
    const { failure } = await collectUntilFailure(openStream(broken.stream, OPEN));
    expect(failure).toMatchObject({ message: 'The source broke off.' });
    expect(broken.state.isClosed).toBe(true);
  });

  it.each([
    [
      'sealing',
      (source: AsyncIterable<Uint8Array>) => sealStream(source, { identity: IDENTITY, keyRing: RING }),
    ],
    ['opening', (source: AsyncIterable<Uint8Array>) => openStream(source, OPEN)],
  ])('lets go of its source if %s is given up in the middle', async (_title, run) => {
    const { state, stream } = makeSource(await sealed(sampleBytes(2.5 * MIB)));
    for await (const _piece of run(stream)) break;
    expect(state.isClosed).toBe(true);
  });

  it('lets go of its source if it is refused at once', async () => {
    const { state, stream } = makeSource(sampleBytes(MIB));
    await collectUntilFailure(openStream(stream, OPEN));
    expect(state.isClosed).toBe(true);
  });

  it('shows its header without a key, and its bytes go on untouched', async () => {
    const file = await sealed(sampleBytes(300_000));
    await using peeked = await peekHeader(streamOf(file, [1_000]));
    expect(peeked.header).toMatchObject({ identity: IDENTITY, method: { keyId: RING.currentKeyId } });
    expect((await collect(peeked.sealed)).equals(file)).toBe(true);
  });

  it('lets go of a source whose header was looked at and no more', async () => {
    const { state, stream } = makeSource(await sealed(sampleBytes(MIB)));
    const peeked = await peekHeader(stream);
    await peeked[Symbol.asyncDispose]();
    expect(state.isClosed).toBe(true);
  });

  it('is sealed under a new number from an export, for another host', { timeout: 60_000 }, async () => {
    const plain = sampleBytes(MIB + 5);
    const lock = makePassphraseLock('correct horse battery staple');
    const file = await collect(sealStream(streamOf(plain), { identity: IDENTITY, keyRing: lock }));
    const identity = { ...IDENTITY, generation: 12, sealedAt: new Date(1) };
    const opened = openStream(streamOf(file), { ...IDENTITY, keyRing: lock });
    const resealed = await collect(sealStream(opened, { identity, keyRing: RING }));
    expect(
      (await collect(openStream(streamOf(resealed), { ...identity, keyRing: RING }))).equals(plain),
    ).toBe(true);
  });

  it('is sealed and opened in constant memory', { timeout: 300_000 }, async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const used = () => {
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const piece = sampleBytes(64 * 1024);
    async function* plain() {
      for (let at = 0; at < BIG_BYTES; at += piece.length) yield piece;
    }
    collectGarbage();
    const before = used();
    let [bytes, peak] = [0, 0];
    for await (const chunk of openStream(sealStream(plain(), { identity: IDENTITY, keyRing: RING }), OPEN)) {
      bytes += chunk.length;
      // Garbage that nobody has collected yet is no growth; looking often costs more than it tells.
      if (bytes % (16 * MIB) < MIB) collectGarbage();
      if (bytes % (16 * MIB) < MIB) peak = Math.max(peak, used() - before);
    }
    expect(bytes).toBe(BIG_BYTES);
    expect(peak).toBeLessThan(MAX_GROWTH_BYTES);
  });
});
