import type { AccountId } from '../accounts/ids.ts';
import { findGenerations, type SnapshotPlaces } from './generations.ts';
import type { VaultStep } from './vault-step.ts';

export interface WipingDeps extends SnapshotPlaces {
  readonly onStep: (step: VaultStep) => void;
}

/**
 * Removes every snapshot of an account that was marked as destroyed, and every copy of it; true if there was one. Safe to
 * call again.
 * @throws AppError VAULT_STORAGE_FAILED if a backup cannot be reached
 */
export async function wipeSnapshots(deps: WipingDeps, accountId: AccountId): Promise<boolean> {
  const { folder, backups, index, onStep } = deps;
  const { generations, outdated, isHeldHere, wipedThrough } = await findGenerations(deps, accountId);
  await folder.removePartsThrough(accountId, wipedThrough);
  const wiped = generations.filter(({ generation }) => generation <= wipedThrough);
  const entered = wiped.flatMap(({ generation, entry }) => (entry === undefined ? [] : generation));
  // Where it is held here, one may be sealed at this moment under the same number.
  const leftHere = isHeldHere ? [] : outdated;
  const isGone = (generation: number) => generation <= wipedThrough || leftHere.includes(generation);
  const onDisk = (await folder.list(accountId)).filter(isGone);
  if (onDisk.length + entered.length === 0) return false;
  await folder.remove(accountId, onDisk);
  onStep('wipe-disk-removed');
  // Also where the index knows of no copy: a crash may have come between a copy and its entry.
  const outcomes = await Promise.allSettled(backups.map((backup) => backup.remove(accountId, entered)));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
  onStep('wipe-copies-removed');
  await index.remove(accountId, entered);
  onStep('wipe-done');
  return true;
}
