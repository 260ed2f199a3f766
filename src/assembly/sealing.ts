import type { InstanceId } from '../accounts/ids.ts';
import type { Config } from '../config/config.ts';
import { ensureEncryptionKey, findLeftKey } from '../config/made-encryption-key.ts';
import type { Executor } from '../db/database.ts';
import { makeDatabaseBackup } from '../db/snapshot-chunk-store.ts';
import { makeSnapshotIndex } from '../db/snapshot-store.ts';
import type { FindLease } from '../instances/lease.ts';
import { abortedAfter } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { type KeyRing, keyToId, makeKeyRing } from '../vault/key-ring.ts';
import { makeS3Backup } from '../vault/s3-backup.ts';
import type { VaultDeps } from '../vault/vault.ts';
import { VaultFolder } from '../vault/vault-folder.ts';
import type { VaultStep } from '../vault/vault-step.ts';

/** How long copies in S3 may take once the daemon is asked to stop: disk and database have the session by then. */
const S3_STOP_DEADLINE_MS = 10_000;

/** The keys, and where one lies that was made here: the one that seals, or one that opens nothing any more. */
export interface OpenKeys {
  readonly keyRing: KeyRing;
  readonly madeAt: string | null;
  readonly forgottenAt: string | null;
}

/**
 * The keys that open and seal sessions: ENCRYPTION_KEY and its predecessors, else the one that was made on the first
 * start. Disposing forgets them.
 */
export async function openKeyRing(
  { key, previous }: Config['encryption'],
  dataPath: string,
): Promise<OpenKeys> {
  const made = key === null ? await ensureEncryptionKey(dataPath) : undefined;
  const left = key === null ? undefined : await findLeftKey(dataPath);
  const current = key ?? made?.key;
  if (current === undefined) throw new Error('There is no encryption key.');
  try {
    const keyRing = makeKeyRing({ current, previous });
    const isForgotten = left !== undefined && !keyRing.keyIds.includes(keyToId(left.key));
    return { keyRing, madeAt: made?.path ?? null, forgottenAt: isForgotten ? left.path : null };
  } finally {
    for (const used of [current, ...previous, ...(left ? [left.key] : [])]) used.fill(0);
  }
}

/** Where sessions are sealed, and what with: the disk, the database, and S3 if it is configured. */
export function makeVaultDeps(
  config: Config,
  deps: {
    db: Executor;
    instanceId: InstanceId;
    findLease: FindLease;
    keyRing: KeyRing;
    clock: Clock;
    log: Logger;
    signal: AbortSignal;
  },
): VaultDeps {
  const { db, instanceId, findLease, keyRing, clock, log, signal } = deps;
  const onStep = (step: VaultStep) => log.debug('A step of the vault was done', { step });
  return {
    folder: new VaultFolder(config.sessionPath, onStep),
    keyRing,
    index: makeSnapshotIndex(db, instanceId, findLease),
    backups: [
      makeDatabaseBackup(db),
      ...(config.s3 === null
        ? []
        : [makeS3Backup(config.s3, { signal: abortedAfter(signal, S3_STOP_DEADLINE_MS) })]),
    ],
    clock,
    log,
    onStep,
  };
}

/** After a lapse another instance may wait for copies of what was sealed here before it. Never rejects. */
export async function settleAfterLapse(catchUpVaults: () => Promise<number>, log: Logger): Promise<void> {
  try {
    await catchUpVaults();
  } catch (thrown) {
    const error = toError(thrown).message;
    log.warn('Sealed sessions that lack a copy could not be looked for', { error });
  }
}
