import type { AccountId } from '../accounts/ids.ts';
import { isAppError } from '../lib/errors.ts';
import { type Copy, findGenerations, type Generation, type SnapshotPlaces } from './generations.ts';
import { type KeyRing, makeKeyMissing } from './key-ring.ts';
import { peekHeader } from './sealed-stream.ts';

/**
 * Resolves if a key is here that the newest snapshot needs, or there is none. Whoever seals with another key would push
 * those of the right one out. The index is only a short cut: what a copy says of itself counts, and a copy that says
 * nothing, lost or damaged, needs no key.
 * @throws AppError VAULT_KEY_MISSING; VAULT_STORAGE_FAILED if the index names none that is here and the copies cannot be
 * asked now
 */
export async function requireKeyOf(
  deps: SnapshotPlaces & { readonly keyRing: KeyRing },
  accountId: AccountId,
): Promise<void> {
  const { keyRing } = deps;
  const { alive } = await findGenerations(deps, accountId);
  for (const generation of alive.filter(({ copies }) => copies.length > 0)) {
    const need = await findNeed(generation, keyRing);
    if (need === 'here') return;
    if (need !== undefined) {
      throw makeKeyMissing({ accountId, generation: generation.generation }, need.keyId, keyRing);
    }
  }
}

/** Whether a key of the ring opens the generation, or which one is needed; undefined if no copy can say it. */
async function findNeed(
  { entry, copies }: Generation,
  { keyIds }: Pick<KeyRing, 'keyIds'>,
): Promise<'here' | { readonly keyId: string } | undefined> {
  if (entry !== undefined && keyIds.includes(entry.keyId)) return 'here';
  let needed: string | undefined;
  let unreached: unknown;
  for (const copy of copies) {
    try {
      const keyId = await readKeyId(copy);
      if (keyId !== undefined && keyIds.includes(keyId)) return 'here';
      needed ??= keyId;
    } catch (thrown) {
      // A damaged one is told where it is opened.
      if (!isAppError(thrown, 'VAULT_DAMAGED')) unreached ??= thrown;
    }
  }
  if (needed !== undefined) return { keyId: needed };
  if (unreached !== undefined) throw unreached;
  return undefined;
}

/** As the copy says itself; undefined if it is under a passphrase. Whether it is whole shows when it is opened. */
export async function readKeyId(copy: Pick<Copy, 'read'>): Promise<string | undefined> {
  await using file = await peekHeader(copy.read());
  const { method } = file.header;
  return method.kind === 'key-ring' ? method.keyId : undefined;
}
