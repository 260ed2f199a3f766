import type { AccountId } from '../accounts/ids.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { KEPT_IN_BACKUPS, KEPT_ON_DISK } from './generations.ts';
import type { SnapshotName } from './snapshot.ts';
import type { SnapshotBackup } from './snapshot-backup.ts';
import type { IndexedSnapshot, NewSnapshot, SnapshotRecord } from './snapshot-index.ts';
import { type WipingDeps, wipeSnapshots } from './snapshot-wiping.ts';

export interface KeepingDeps extends WipingDeps {
  readonly log: Logger;
}

/**
 * Enters a snapshot that is on disk into the index, copies it to these backups, and removes old generations everywhere.
 * Never rejects: what could not be reached is logged; then it is false. Nothing is left of one that was destroyed before,
 * or meanwhile by another instance.
 */
export async function keepSnapshot(
  deps: KeepingDeps,
  snapshot: NewSnapshot,
  backups: readonly SnapshotBackup[],
): Promise<boolean> {
  const { index, log, onStep } = deps;
  const { accountId, generation } = snapshot;
  try {
    if (await dropDestroyed(deps, snapshot)) return true;
    await index.save(snapshot);
    onStep('snapshot-indexed');
    const isBackedUp = await backUp(deps, snapshot, backups);
    if (await dropDestroyed(deps, snapshot)) return true;
    await prune(deps, accountId);
    onStep('snapshots-pruned');
    return isBackedUp;
  } catch (thrown) {
    const error = toError(thrown).message;
    log.warn('A sealed session is on disk, but could not be entered or copied', {
      accountId,
      generation,
      error,
    });
    return false;
  }
}

/**
 * Copies a snapshot that is entered to these backups, also where another instance holds its account by now, which may need
 * it. True if every one of them has its copy. Nothing is left of one that was pruned meanwhile.
 */
export async function copySnapshot(
  deps: KeepingDeps,
  snapshot: SnapshotRecord,
  backups: readonly SnapshotBackup[],
): Promise<boolean> {
  const { accountId, generation } = snapshot;
  const isWhole = await backUp(deps, snapshot, backups);
  const { snapshots, wipedThrough } = await deps.index.find(accountId);
  if (generation > wipedThrough && snapshots.some((each) => each.generation === generation)) return isWhole;
  for (const backup of backups) await backup.remove(accountId, [generation]);
  return true;
}

/** True if the snapshot was destroyed; a copy may have come after its entry was gone. */
async function dropDestroyed(deps: KeepingDeps, { accountId, generation }: SnapshotName): Promise<boolean> {
  const { index, backups } = deps;
  const { wipedThrough } = await index.find(accountId);
  if (generation > wipedThrough) return false;
  for (const backup of backups) await backup.remove(accountId, [generation]);
  await wipeSnapshots(deps, accountId);
  return true;
}

/** True if every one of them has its copy. */
async function backUp(
  { folder, index, log, onStep }: KeepingDeps,
  snapshot: SnapshotRecord,
  backups: readonly SnapshotBackup[],
): Promise<boolean> {
  const { accountId, generation } = snapshot;
  let isWhole = true;
  for (const backup of backups) {
    try {
      await backup.save({ ...snapshot, path: folder.pathOf(accountId, generation) });
      onStep('snapshot-copied');
      await index.saveCopy(accountId, generation, backup.name);
      onStep('snapshot-backed-up');
    } catch (thrown) {
      isWhole = false;
      const error = toError(thrown).message;
      log.warn('A copy of a sealed session was not made', {
        accountId,
        generation,
        backup: backup.name,
        error,
      });
    }
  }
  return isWhole;
}

/** What is older than the kept generations goes: copies before their entries, which alone say where they are. */
async function prune(deps: KeepingDeps, accountId: AccountId): Promise<void> {
  const { folder, backups, index } = deps;
  const onDisk = await folder.list(accountId);
  const kept = onDisk.slice(0, KEPT_ON_DISK);
  // Before the backups: one that lets nothing be removed must not fill the disk.
  await folder.remove(accountId, onDisk.slice(KEPT_ON_DISK));
  const { snapshots, wipedThrough } = await index.find(accountId);
  for (const backup of backups) {
    const held = snapshots.filter(({ copies }) => copies.includes(backup.name));
    const alive = held.filter(({ generation }) => generation > wipedThrough);
    const old = [...alive.slice(KEPT_IN_BACKUPS), ...held.filter((each) => !alive.includes(each))];
    const generations = old.map(({ generation }) => generation);
    await removeCopies(deps, { accountId, generations, backup });
  }
  const left = await index.find(accountId);
  const isGone = ({ generation, copies }: IndexedSnapshot) =>
    copies.length === 0 && !kept.includes(generation);
  // The newest stays known even if every copy of it is lost: that is what the index is for.
  const gone = left.snapshots.slice(1).filter(isGone);
  const numbers = gone.map(({ generation }) => generation);
  if (numbers.length === 0) return;
  // A crash may have come between a copy and its entry.
  for (const backup of backups) await backup.remove(accountId, numbers);
  await index.remove(accountId, numbers);
}

async function removeCopies(
  { index, onStep }: KeepingDeps,
  old: {
    readonly accountId: AccountId;
    readonly generations: readonly number[];
    readonly backup: SnapshotBackup;
  },
): Promise<void> {
  const { accountId, generations, backup } = old;
  if (generations.length === 0) return;
  await backup.remove(accountId, generations);
  onStep('copies-pruned');
  await index.removeCopies(accountId, generations, backup.name);
}
