import type { AccountId } from '../accounts/ids.ts';
import {
  type CopyDeps,
  type CopyReport,
  type CopyWork,
  eachGeneration,
  type HeldGeneration,
  reportCopies,
} from './copy-reports.ts';
import { KEPT_ON_DISK } from './generations.ts';
import { isWrappedByCurrent, rewrapStream } from './rewrap.ts';
import { peekHeader } from './sealed-stream.ts';
import type { SnapshotName } from './snapshot.ts';
import type { SnapshotBackup } from './snapshot-backup.ts';

/**
 * Wraps every copy anew that is not wrapped by the current key. The index says of a snapshot that it needs the current
 * key once that is true of every copy: whoever takes an old key away can count there what still needs it. Whatever is cut
 * off is completed by the next call.
 */
export async function* rotateCopies(
  deps: CopyDeps,
  accountIds: readonly AccountId[],
): AsyncGenerator<CopyReport> {
  for await (const each of eachGeneration(deps, accountIds)) {
    const outcomes: CopyReport['outcome'][] = [];
    for await (const report of reportCopies(deps, each, rotateCopy)) {
      outcomes.push(report.outcome);
      yield report;
    }
    await saveKey(deps, each, outcomes);
  }
}

async function saveKey(
  { keyRing, index }: CopyDeps,
  { accountId, generation, entry, isHeldHere }: HeldGeneration,
  outcomes: readonly CopyReport['outcome'][],
): Promise<void> {
  const isUsable = outcomes.some((outcome) => outcome === 'rotated' || outcome === 'current');
  // A damaged copy needs no key: nothing opens it.
  const isSettled = outcomes.every((outcome) => outcome !== 'key_missing' && outcome !== 'unreachable');
  // Another instance may have a copy on its disk, which only a rotation there can tell of.
  if (!isHeldHere || !isUsable || !isSettled || entry?.keyId === keyRing.currentKeyId) return;
  await index.saveKey(accountId, generation, keyRing.currentKeyId);
}

/** A copy is replaced by one that was verified on the way: never by another copy of the same snapshot. */
const rotateCopy: CopyWork<CopyDeps> = async (deps, name, copy) => {
  const { keyRing } = deps;
  const { currentKeyId: keyId } = keyRing;
  await using file = await peekHeader(copy.read());
  if (isWrappedByCurrent(file.header, keyRing)) return { keyId, bytes: 0, outcome: 'current' };
  const rewrapped = rewrapStream(file.sealed, { ...name, from: keyRing, to: keyRing });
  const { backup } = copy;
  const bytes =
    backup === null
      ? await replaceOnDisk(deps, name, rewrapped)
      : await replaceInBackup(deps, { name, backup }, rewrapped);
  return { keyId, bytes, outcome: 'rotated' };
};

/** One that was destroyed or pruned meanwhile does not come back. */
async function replaceOnDisk(
  { folder, index }: CopyDeps,
  { accountId, generation }: SnapshotName,
  rewrapped: AsyncIterable<Uint8Array>,
): Promise<number> {
  const bytes = await folder.write(accountId, generation, rewrapped);
  const [onDisk, { wipedThrough }] = await Promise.all([folder.list(accountId), index.find(accountId)]);
  const isAlive = generation > wipedThrough && onDisk.indexOf(generation) < KEPT_ON_DISK;
  if (!isAlive) await folder.remove(accountId, [generation]);
  return bytes;
}

/** The same there, where the index alone says what is kept. */
function replaceInBackup(
  { folder, index }: CopyDeps,
  { name, backup }: { readonly name: SnapshotName; readonly backup: SnapshotBackup },
  rewrapped: AsyncIterable<Uint8Array>,
): Promise<number> {
  const { accountId, generation } = name;
  return folder.withTemporary(name, rewrapped, async (made) => {
    await backup.save({ ...name, ...made });
    const { snapshots, wipedThrough } = await index.find(accountId);
    const entry = snapshots.find((each) => each.generation === generation);
    const isAlive = generation > wipedThrough && entry?.copies.includes(backup.name) === true;
    if (!isAlive) await backup.remove(accountId, [generation]);
    return made.bytes;
  });
}
