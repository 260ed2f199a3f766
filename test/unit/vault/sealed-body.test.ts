import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAppError } from '../../../src/lib/errors.ts';
import { rewrapStream } from '../../../src/vault/rewrap.ts';
import { openStream } from '../../../src/vault/sealed-stream.ts';
import { collectUntilFailure, streamOf } from '../../support/byte-stream.ts';
import { isLongRun, scaled, seed } from '../../support/scale.ts';
import { anyMutation, applyMutation } from '../../support/sealed-mutation.ts';
import {
  CURRENT_KEY,
  IDENTITY,
  OTHER_ACCOUNT,
  RING,
  sampleBytes,
  sealed,
} from '../../support/sealed-sample.ts';
import { readVault } from '../../support/vault-reader.ts';

const MIB = 1024 ** 2;
const MUTATIONS = { small: scaled(850, 8_500), large: scaled(150, 1_500) };
const TIMEOUT_MS = isLongRun ? 600_000 : 60_000;

/** A plaintext, its sealed file, and other genuine files that could be mistaken for it or for parts of it. */
async function family(bytes: number) {
  const plain = sampleBytes(bytes);
  const siblings = await Promise.all([
    sealed(sampleBytes(bytes, 'another'), { ...IDENTITY, accountId: OTHER_ACCOUNT }),
    sealed(plain, { ...IDENTITY, generation: 6 }),
    sealed(plain, { ...IDENTITY, sealedAt: new Date(0) }),
    sealed(plain),
  ]);
  return { plain, file: await sealed(plain), siblings };
}

type Family = Awaited<ReturnType<typeof family>>;

/** No text that an error carries has a key, in any notation. */
function expectNoKey(error: Error): void {
  const text = JSON.stringify([
    error.message,
    error.stack,
    error.cause,
    (error as { details?: unknown }).details,
  ]);
  for (const notation of ['hex', 'base64', 'base64url', 'latin1'] as const) {
    expect(text).not.toContain(CURRENT_KEY.toString(notation));
  }
}

async function expectRefused(mutant: Buffer, { plain, file }: Family): Promise<void> {
  const { accountId, generation } = IDENTITY;
  const opened = await collectUntilFailure(openStream(streamOf(mutant), { ...IDENTITY, keyRing: RING }));
  const isOtherKey = !mutant.subarray(42, 50).equals(file.subarray(42, 50));
  const isRefusal = isAppError(opened.failure, 'VAULT_DAMAGED');
  // A header that was overwritten may name a key that nobody has.
  expect(isRefusal || (isOtherKey && isAppError(opened.failure, 'VAULT_KEY_MISSING'))).toBe(true);
  expect(opened.failure).toMatchObject({ details: { accountId, generation } });
  expect((opened.failure as Error).message).toContain(`generation ${generation} of account ${accountId}`);
  expectNoKey(opened.failure as Error);
  // Only whole chunks of the truth, and not the last one.
  expect(opened.yielded.length % MIB === 0).toBe(true);
  expect(opened.yielded.equals(plain.subarray(0, opened.yielded.length))).toBe(true);

  const copied = await collectUntilFailure(
    rewrapStream(streamOf(mutant), { ...IDENTITY, from: RING, to: RING }),
  );
  expect(isAppError(copied.failure)).toBe(true);
  expect(() => {
    const read = readVault(mutant, { key: CURRENT_KEY });
    if (read.accountId !== accountId.replaceAll('-', '') || read.generation !== BigInt(generation))
      throw Error();
  }).toThrow();
}

async function expectMutantsRefused(families: readonly Family[], numRuns: number): Promise<void> {
  const any = fc.tuple(fc.nat({ max: families.length - 1 }), anyMutation);
  await fc.assert(
    fc.asyncProperty(any, async ([index, mutation]) => {
      const chosen = families[index];
      const mutant = chosen && applyMutation(chosen.file, mutation, chosen.siblings);
      fc.pre(mutant !== undefined);
      if (chosen && mutant) await expectRefused(mutant, chosen);
    }),
    { numRuns, seed, maxSkipsPerRun: 1_000 },
  );
}

describe('a sealed file that was changed', () => {
  it('is refused whatever was flipped, cut, removed, added, moved or taken from another', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const families = await Promise.all([0, 17, 5_000].map(family));
    await expectMutantsRefused(families, MUTATIONS.small);
  });

  it('is refused just so when it has several chunks', { timeout: TIMEOUT_MS }, async () => {
    const families = await Promise.all([2 * MIB, 2.5 * MIB].map(family));
    await expectMutantsRefused(families, MUTATIONS.large);
  });

  it('is refused for any single bit of its header', async () => {
    const whole = await family(17);
    for (let bit = 0; bit < 145 * 8; bit += 1) {
      const mutant = Buffer.from(whole.file);
      mutant.writeUInt8((mutant[bit >> 3] ?? 0) ^ (1 << (bit & 7)), bit >> 3);
      const { failure } = await collectUntilFailure(
        openStream(streamOf(mutant), { ...IDENTITY, keyRing: RING }),
      );
      // Also in the key id: that the key is at hand after all is found out.
      expect(isAppError(failure, 'VAULT_DAMAGED'), `bit ${bit}`).toBe(true);
    }
  });

  it.each([
    ['cut behind a chunk', (file: Buffer) => file.subarray(0, 145 + MIB + 16), 'cut off after chunk 0'],
    ['cut within a chunk', (file: Buffer) => file.subarray(0, -1), 'chunk 2 was changed, moved or cut'],
    ['cut behind its header', (file: Buffer) => file.subarray(0, 145), 'chunk 0 was changed, moved or cut'],
    ['cut within its header', (file: Buffer) => file.subarray(0, 144), 'its head is cut off'],
    ['empty', () => Buffer.alloc(0), 'it does not begin as a sealed session does'],
  ])('is refused with a sentence that says what is wrong if it was %s', async (_title, cut, sentence) => {
    const { file } = await family(2.5 * MIB);
    const { failure } = await collectUntilFailure(
      openStream(streamOf(cut(file)), { ...IDENTITY, keyRing: RING }),
    );
    expect(isAppError(failure, 'VAULT_DAMAGED') && failure.message).toContain(sentence);
  });

  it('is refused with the number of the last chunk if something follows it', async () => {
    const file = Buffer.concat([await sealed(sampleBytes(2 * MIB)), Buffer.from('more')]);
    const { failure, yielded } = await collectUntilFailure(
      openStream(streamOf(file), { ...IDENTITY, keyRing: RING }),
    );
    expect(failure).toMatchObject({ code: 'VAULT_DAMAGED', details: { chunk: 1 } });
    expect((failure as Error).message).toContain('something follows chunk 1, which is the last');
    expect(yielded.length).toBe(MIB);
  });
});
