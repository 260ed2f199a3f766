import type { AccountId } from '../accounts/ids.ts';
import { isAppError, toError } from '../lib/errors.ts';
import { type Copy, findGenerations, type Generation, type SnapshotPlaces } from './generations.ts';
import type { KeyRing } from './key-ring.ts';
import { openStream, peekHeader } from './sealed-stream.ts';
import type { SnapshotName } from './snapshot.ts';

/** What became of one copy of one snapshot; or that a snapshot is lost, of which no copy is left. */
export interface CopyReport {
  readonly accountId: AccountId;
  readonly generation: number;
  /** `disk`, or the name of a backup; `none` for what is lost. */
  readonly source: string;
  /** The key that it needs; null if its head cannot be read. */
  readonly keyId: string | null;
  /** Of its file; 0 if it cannot be read. */
  readonly bytes: number;
  readonly outcome: 'good' | 'damaged' | 'key_missing' | 'unreachable' | 'rotated' | 'current' | 'lost';
  /** What is wrong with it. */
  readonly detail: string | null;
}

export interface CopyDeps extends SnapshotPlaces {
  readonly keyRing: KeyRing;
}

/** What is done with one copy; it fails as reading it does. */
export type CopyWork<D extends CopyDeps> = (
  deps: D,
  name: SnapshotName,
  copy: Copy,
) => Promise<Pick<CopyReport, 'keyId' | 'bytes' | 'outcome'>>;

/** An account's generation that counts. */
export interface HeldGeneration extends Generation {
  readonly accountId: AccountId;
  readonly isHeldHere: boolean;
}

/** Account after account, generation after generation, newest first. */
export async function* eachGeneration(
  deps: SnapshotPlaces,
  accountIds: readonly AccountId[],
): AsyncGenerator<HeldGeneration> {
  for (const accountId of accountIds) {
    const { alive, isHeldHere } = await findGenerations(deps, accountId);
    for (const generation of alive) yield { ...generation, accountId, isHeldHere };
  }
}

/**
 * Does the work on copy after copy of a generation: it is done beside the daemon's own work. Nothing is said of one that
 * was pruned or destroyed before its turn.
 */
export async function* reportCopies<D extends CopyDeps>(
  deps: D,
  { accountId, generation, entry, copies, isHeldHere }: HeldGeneration,
  work: CopyWork<D>,
): AsyncGenerator<CopyReport> {
  const name = { accountId, generation };
  // Of an account that another instance holds a copy may be on the disk there.
  if (copies.length === 0 && isHeldHere) yield { ...name, ...describeLoss(entry?.keyId) };
  for (const copy of copies) {
    const report = { ...name, source: copy.source, keyId: null, bytes: 0, detail: null };
    try {
      yield { ...report, ...(await work(deps, name, copy)) };
    } catch (thrown) {
      const failure = describeFailure(thrown);
      if (failure.outcome === 'damaged' && !(await isThere(deps, name, copy))) continue;
      yield { ...report, ...failure };
    }
  }
}

/** Whether a copy is where it was found, as far as the disk and the index know, and still counts. */
async function isThere(
  deps: SnapshotPlaces,
  { accountId, generation }: SnapshotName,
  { source }: Copy,
): Promise<boolean> {
  const { alive } = await findGenerations(deps, accountId);
  const copies = alive.find((each) => each.generation === generation)?.copies ?? [];
  return copies.some((each) => each.source === source);
}

/** Opens every copy of every generation without writing anything. */
export async function* verifyCopies(
  deps: CopyDeps,
  accountIds: readonly AccountId[],
): AsyncGenerator<CopyReport> {
  for await (const each of eachGeneration(deps, accountIds)) yield* reportCopies(deps, each, verifyCopy);
}

const verifyCopy: CopyWork<CopyDeps> = async ({ keyRing }, name, copy) => {
  const counted = { bytes: 0 };
  await using file = await peekHeader(countBytes(copy.read(), counted));
  for await (const _plain of openStream(file.sealed, { ...name, keyRing }));
  const { method } = file.header;
  return { keyId: method.kind === 'key-ring' ? method.keyId : null, bytes: counted.bytes, outcome: 'good' };
};

function describeLoss(keyId: string | undefined): Omit<CopyReport, keyof SnapshotName> {
  const detail = 'No copy of it is left.';
  return { source: 'none', keyId: keyId ?? null, bytes: 0, outcome: 'lost', detail };
}

function describeFailure(thrown: unknown): Pick<CopyReport, 'keyId' | 'outcome' | 'detail'> {
  const { message: detail } = toError(thrown);
  if (isAppError(thrown, 'VAULT_KEY_MISSING')) {
    const { keyId } = thrown.details as { readonly keyId: string };
    return { keyId, outcome: 'key_missing', detail };
  }
  const outcome = isAppError(thrown, 'VAULT_DAMAGED') ? 'damaged' : 'unreachable';
  return { keyId: null, outcome, detail };
}

/** The same bytes, which are counted on the way. */
export async function* countBytes(
  source: AsyncIterable<Uint8Array>,
  counted: { bytes: number },
): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    counted.bytes += piece.length;
    yield piece;
  }
}
