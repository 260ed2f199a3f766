import { createHash } from 'node:crypto';
import { parseAccountId } from '../../src/accounts/ids.ts';
import { findKeptEntries } from '../../src/channels/whatsapp-web/profile-content.ts';
import { makeKeyRing } from '../../src/vault/key-ring.ts';
import { packFolder, unpackInto } from '../../src/vault/profile-archive.ts';
import { openStream, sealStream } from '../../src/vault/sealed-stream.ts';
import { VaultFolder } from '../../src/vault/vault-folder.ts';
import type { VaultStep } from '../../src/vault/vault-step.ts';
import type { Contender } from './contender.ts';

const ACCOUNT = parseAccountId('00000000-0000-4000-8000-000000000001');
const GENERATION = 1;

/** A key for made-up profiles, the same in every process of the benchmark. */
const KEY = createHash('sha256').update('the key of the benchmark').digest();

/** More than any profile that is made here. */
const LIMITS = { maxBytes: Number.MAX_SAFE_INTEGER, maxEntries: Number.MAX_SAFE_INTEGER };

/** Switchboard's own code, put together as its vault does; files go to `folder`. */
export function makeSealedContender(folder: string): Contender {
  let onStep: (step: VaultStep) => void = () => undefined;
  const disk = new VaultFolder(folder, (step) => onStep(step));
  return {
    name: 'Switchboard',
    async seal(profile, signal) {
      signal.throwIfAborted();
      using keyRing = makeKeyRing({ current: KEY, previous: [] });
      const reached = new Map<VaultStep, number>();
      const startedAt = performance.now();
      onStep = (step) => reached.set(step, performance.now() - startedAt);
      const identity = { accountId: ACCOUNT, generation: GENERATION, sealedAt: new Date() };
      const packed = packFolder(profile, await findKeptEntries(profile));
      const bytes = await disk.write(ACCOUNT, GENERATION, sealStream(packed, { identity, keyRing }));
      const at = (step: VaultStep) => reached.get(step) ?? Number.NaN;
      return { writtenMs: at('snapshot-written'), syncedMs: at('snapshot-synced'), bytes };
    },
    async open(target, signal) {
      signal.throwIfAborted();
      using keyRing = makeKeyRing({ current: KEY, previous: [] });
      const startedAt = performance.now();
      const sealed = disk.read(ACCOUNT, GENERATION);
      const name = { accountId: ACCOUNT, generation: GENERATION };
      await unpackInto(openStream(sealed, { ...name, keyRing }), target, LIMITS);
      return performance.now() - startedAt;
    },
  };
}
