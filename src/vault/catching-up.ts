import type { AccountId } from '../accounts/ids.ts';
import { toError } from '../lib/errors.ts';
import { type CopyDeps, countBytes } from './copy-reports.ts';
import { openStream, peekHeader } from './sealed-stream.ts';
import type { SnapshotName } from './snapshot.ts';
import type { SnapshotBackup } from './snapshot-backup.ts';
import type { SnapshotRecord } from './snapshot-index.ts';
import { type KeepingDeps, keepSnapshot } from './snapshot-keeping.ts';

/** Those of these accounts that something is to be done about. */
export type ChooseAccounts = (ids: readonly AccountId[]) => Promise<ReadonlySet<AccountId>>;

type Deps = KeepingDeps & CopyDeps;

/**
 * Enters and copies the newest generation on disk where that was not done: the database or a backup was away when the
 * session was sealed, or the backup is a new one. A copy that is there is left alone. `choose` leaves out accounts whose
 * sessions run, which do it themselves, and those of other instances. It ends early once the signal aborts. Returns how
 * many accounts were completed; the others are logged.
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
  const { generation, entry, missing } = lack;
  const name = { accountId, generation };
  // Also of what is entered: a damaged file must not become a copy.
  const read = await readRecord(deps, name);
  const isWhole = await keepSnapshot(deps, entry ?? read, missing);
  if (isWhole) deps.log.info('A sealed session was entered and copied that had not been', { ...name });
  return isWhole;
}

/** What the newest generation on disk lacks; nothing if it is not the newest of all, or was destroyed. */
async function findLack(
  { folder, index, backups }: Deps,
  accountId: AccountId,
): Promise<
  | {
      readonly generation: number;
      readonly entry: SnapshotRecord | undefined;
      readonly missing: readonly SnapshotBackup[];
    }
  | undefined
> {
  const [generation = 0] = await folder.list(accountId);
  const { snapshots, wipedThrough } = await index.find(accountId);
  if (generation <= wipedThrough || generation < (snapshots[0]?.generation ?? 0)) return undefined;
  const entry = snapshots.find((each) => each.generation === generation);
  const missing = backups.filter(({ name }) => !entry?.copies.includes(name));
  return entry && missing.length === 0 ? undefined : { generation, entry, missing };
}

/** What the file on disk says of itself, once all of it was verified. @throws AppError as `openStream` does */
async function readRecord({ folder, keyRing }: Deps, name: SnapshotName): Promise<SnapshotRecord> {
  const counted = { bytes: 0 };
  await using file = await peekHeader(countBytes(folder.read(name.accountId, name.generation), counted));
  for await (const _plain of openStream(file.sealed, { ...name, keyRing }));
  const { identity, method } = file.header;
  const keyId = method.kind === 'key-ring' ? method.keyId : keyRing.currentKeyId;
  return { ...name, sealedAt: identity.sealedAt, keyId, bytes: counted.bytes };
}
