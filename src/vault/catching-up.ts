import type { AccountId } from '../accounts/ids.ts';
import { isAppError, toError } from '../lib/errors.ts';
import { type CopyDeps, countBytes } from './copy-reports.ts';
import { findGenerations, type Generation } from './generations.ts';
import { openStream, peekHeader } from './sealed-stream.ts';
import { readSealingLease } from './sealing-lease.ts';
import type { SnapshotName } from './snapshot.ts';
import type { SnapshotBackup } from './snapshot-backup.ts';
import type { NewSnapshot } from './snapshot-index.ts';
import { copySnapshot, type KeepingDeps, keepSnapshot } from './snapshot-keeping.ts';

/** Those of these accounts that something is to be done about. */
export type ChooseAccounts = (ids: readonly AccountId[]) => Promise<ReadonlySet<AccountId>>;

type Deps = KeepingDeps & CopyDeps;

/**
 * Enters and copies the newest generation on disk where that was not done: the database or a backup was away when the
 * session was sealed, or the backup is a new one. A copy that is there is left alone. `choose` leaves out accounts whose
 * sessions run here, which do it themselves. What another instance holds by now is copied, if it goes on from what was sealed
 * here, and nothing of it is entered. It ends early once the signal aborts. Returns how many accounts were completed; the
 * others are logged.
 */
export async function catchUpWith(
  deps: Deps,
  { choose, signal }: { readonly choose: ChooseAccounts; readonly signal: AbortSignal },
): Promise<number> {
  const accounts = await deps.folder.listAccounts();
  const chosen = await choose(accounts);
  let completed = 0;
  for (const accountId of accounts.filter((each) => chosen.has(each))) {
    if (signal.aborted) break;
    try {
      if (await catchUp(deps, accountId)) completed += 1;
    } catch (thrown) {
      const error = toError(thrown).message;
      deps.log.warn('A sealed session that lacks a copy could not be looked at', { accountId, error });
    }
  }
  return completed;
}

async function catchUp(deps: Deps, accountId: AccountId): Promise<boolean> {
  const lack = await findLack(deps, accountId);
  if (lack === undefined) return false;
  const { generation, entry, missing, isHeldHere } = lack;
  const name = { accountId, generation };
  // Also of what is entered: a damaged file must not become a copy.
  const read = await readRecord(deps, name);
  const isWhole = isHeldHere
    ? await keepSnapshot(deps, { ...read, ...entry }, missing)
    : await copySnapshot(deps, read, missing);
  if (isWhole) deps.log.info('A sealed session was entered and copied that had not been', { ...name });
  return isWhole;
}

/** What the newest generation on disk lacks; nothing if it is not the newest of all, or was destroyed. */
async function findLack(
  deps: Deps,
  accountId: AccountId,
): Promise<
  | (Pick<Generation, 'generation' | 'entry'> & {
      readonly missing: readonly SnapshotBackup[];
      readonly isHeldHere: boolean;
    })
  | undefined
> {
  const { alive, isHeldHere } = await findGenerations(deps, accountId);
  const [newest] = alive;
  if (newest === undefined || !isOnDisk(newest)) return undefined;
  const { generation, entry } = newest;
  if (entry === undefined && !isHeldHere) return undefined;
  const missing = deps.backups.filter(({ name }) => !entry?.copies.includes(name));
  return entry && missing.length === 0 ? undefined : { generation, entry, missing, isHeldHere };
}

/**
 * Enters what was sealed here while the database was away, before the profile is begun to be used under another lease, from
 * when on nothing counts any more that is not entered; and removes from the disk what was sealed here before another instance
 * went on from something older. The account is held here, and its session is at rest.
 * @throws AppError VAULT_STORAGE_FAILED
 */
export async function settleFiles(deps: Deps, accountId: AccountId): Promise<void> {
  const { folder, index, log } = deps;
  const { alive, outdated } = await findGenerations(deps, accountId);
  if (outdated.length > 0) {
    await folder.remove(accountId, outdated);
    log.warn('Sealed sessions were removed that are from before another instance had the account', {
      accountId,
      generations: outdated,
    });
  }
  const newest = Math.max(0, ...alive.filter(({ entry }) => entry).map(({ generation }) => generation));
  const unentered = alive.filter(({ generation }) => generation > newest).reverse();
  for (const { generation } of unentered) {
    const record = await readRecord(deps, { accountId, generation }).catch(acceptUseless);
    if (record === undefined) continue;
    await index.save(record);
    log.info('A sealed session was entered that had not been', { accountId, generation });
  }
}

function isOnDisk({ copies }: Generation): boolean {
  return copies.some(({ backup }) => backup === null);
}

/** What no start could open need not be entered: it tells of that where it opens another one. */
function acceptUseless(thrown: unknown): undefined {
  if (isAppError(thrown, 'VAULT_DAMAGED') || isAppError(thrown, 'VAULT_KEY_MISSING')) return undefined;
  throw thrown;
}

/** What the file on disk says of itself, once all of it was verified. @throws AppError as `openStream` does */
async function readRecord({ folder, keyRing }: Deps, name: SnapshotName): Promise<NewSnapshot> {
  const counted = { bytes: 0 };
  await using file = await peekHeader(countBytes(folder.read(name.accountId, name.generation), counted));
  for await (const _plain of openStream(file.sealed, { ...name, keyRing }));
  const { identity, method } = file.header;
  const keyId = method.kind === 'key-ring' ? method.keyId : keyRing.currentKeyId;
  const { sealedAt } = identity;
  const profileEpoch = await readSealingLease(folder, name, sealedAt);
  return { ...name, sealedAt, keyId, bytes: counted.bytes, profileEpoch };
}
