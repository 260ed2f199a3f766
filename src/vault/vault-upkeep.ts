import type { AccountId } from '../accounts/ids.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, toError } from '../lib/errors.ts';
import { type Copy, findGenerations, type SnapshotPlaces } from './generations.ts';
import type { KeyRing } from './key-ring.ts';
import { makePassphraseLock } from './passphrase.ts';
import { isWrappedByCurrent, rewrapStream } from './rewrap.ts';
import { openStream, peekHeader, sealStream } from './sealed-stream.ts';
import type { SnapshotName } from './snapshot.ts';
import type { Vault } from './vault.ts';

/** What became of one copy of one snapshot. */
export interface CopyReport {
  readonly accountId: AccountId;
  readonly generation: number;
  /** `disk`, or the name of a backup. */
  readonly source: string;
  /** The key that it needs; null if its head cannot be read. */
  readonly keyId: string | null;
  /** Of its file; 0 if it cannot be read. */
  readonly bytes: number;
  readonly outcome: 'good' | 'damaged' | 'key_missing' | 'unreachable' | 'rotated' | 'current';
  /** What is wrong with it. */
  readonly detail: string | null;
}

/** What operators do with vaults. */
export interface VaultUpkeep {
  /** Opens every copy of every generation without writing anything. */
  verify(accountIds: readonly AccountId[]): AsyncIterable<CopyReport>;
  /** Wraps every copy anew that is not wrapped by the current key. */
  rotate(accountIds: readonly AccountId[]): AsyncIterable<CopyReport>;
  /**
   * The newest snapshot that is any good, under a passphrase. The session is at rest.
   * @throws AppError VAULT_KEY_MISSING, VAULT_DAMAGED
   */
  exportNewest(
    accountId: AccountId,
    passphrase: string,
  ): Promise<{ readonly generation: number; readonly bytes: AsyncIterable<Uint8Array> }>;
  /**
   * Takes a snapshot in that was exported under the passphrase, as the newest of this account.
   * @throws AppError VALIDATION_FAILED for the passphrase, VAULT_DAMAGED
   */
  importSnapshot(
    accountId: AccountId,
    bytes: AsyncIterable<Uint8Array>,
    passphrase: string,
  ): Promise<{ readonly generation: number }>;
  /** The account and the time in the head of an exported file; the bytes go on untouched. */
  peekExport(bytes: AsyncIterable<Uint8Array>): Promise<{
    readonly accountId: AccountId;
    readonly sealedAt: Date;
    readonly bytes: AsyncIterable<Uint8Array>;
  }>;
}

export interface UpkeepDeps extends SnapshotPlaces {
  readonly vault: Vault;
  readonly keyRing: KeyRing;
  readonly clock: Pick<Clock, 'now'>;
}

export function makeVaultUpkeep(deps: UpkeepDeps): VaultUpkeep {
  return {
    verify: (accountIds) => reportCopies(deps, accountIds, verifyCopy),
    rotate: (accountIds) => reportCopies(deps, accountIds, rotateCopy),
    exportNewest: (accountId, passphrase) => exportNewest(deps, accountId, passphrase),
    importSnapshot: (accountId, bytes, passphrase) => importSnapshot(deps, { accountId, bytes, passphrase }),
    async peekExport(bytes) {
      const { header, sealed } = await peekHeader(bytes);
      const { accountId, sealedAt } = header.identity;
      return { accountId, sealedAt, bytes: sealed };
    },
  };
}

type CopyWork = (
  deps: UpkeepDeps,
  name: SnapshotName,
  copy: Copy,
) => Promise<Pick<CopyReport, 'keyId' | 'bytes' | 'outcome'>>;

/** Copy after copy, account after account: this is done beside the daemon's own work. */
async function* reportCopies(
  deps: UpkeepDeps,
  accountIds: readonly AccountId[],
  work: CopyWork,
): AsyncGenerator<CopyReport> {
  for (const accountId of accountIds) {
    const { generations, wipedThrough } = await findGenerations(deps, accountId);
    for (const { generation, copies } of generations.filter((each) => each.generation > wipedThrough)) {
      for (const copy of copies) {
        const report = { accountId, generation, source: copy.source, keyId: null, bytes: 0, detail: null };
        try {
          yield { ...report, ...(await work(deps, { accountId, generation }, copy)) };
        } catch (thrown) {
          yield { ...report, ...describeFailure(thrown) };
        }
      }
    }
  }
}

function describeFailure(thrown: unknown): Pick<CopyReport, 'keyId' | 'outcome' | 'detail'> {
  const { message: detail } = toError(thrown);
  const code = thrown instanceof AppError ? thrown.code : undefined;
  if (code === 'VAULT_KEY_MISSING') {
    const { keyId } = (thrown as AppError).details as { readonly keyId: string };
    return { keyId, outcome: 'key_missing', detail };
  }
  return { keyId: null, outcome: code === 'VAULT_DAMAGED' ? 'damaged' : 'unreachable', detail };
}

const verifyCopy: CopyWork = async ({ keyRing }, name, copy) => {
  const counted = { bytes: 0 };
  await using file = await peekHeader(count(copy.read(), counted));
  for await (const _plain of openStream(file.sealed, { ...name, keyRing }));
  const { method } = file.header;
  return { keyId: method.kind === 'key-ring' ? method.keyId : null, bytes: counted.bytes, outcome: 'good' };
};

/** A copy is replaced by one that was verified on the way: never by another copy of the same snapshot. */
const rotateCopy: CopyWork = async ({ keyRing, folder, index }, name, copy) => {
  const { currentKeyId: keyId } = keyRing;
  await using file = await peekHeader(copy.read());
  if (isWrappedByCurrent(file.header, keyRing)) return { keyId, bytes: 0, outcome: 'current' };
  const { accountId, generation } = name;
  const rewrapped = rewrapStream(file.sealed, { ...name, from: keyRing, to: keyRing });
  const { backup } = copy;
  const bytes =
    backup === null
      ? await folder.write(accountId, generation, rewrapped)
      : await folder.withTemporary(name, rewrapped, async (made) => {
          await backup.save({ ...name, ...made });
          // One that was destroyed or pruned meanwhile must not come back.
          const { snapshots, wipedThrough } = await index.find(accountId);
          const isAlive =
            generation > wipedThrough && snapshots.some((each) => each.generation === generation);
          if (!isAlive) await backup.remove(accountId, [generation]);
          return made.bytes;
        });
  const { sealedAt } = file.header.identity;
  if (backup === null) await index.save({ ...name, sealedAt, keyId, bytes });
  return { keyId, bytes, outcome: 'rotated' };
};

async function exportNewest(
  deps: UpkeepDeps,
  accountId: AccountId,
  passphrase: string,
): Promise<{ readonly generation: number; readonly bytes: AsyncIterable<Uint8Array> }> {
  for await (const report of reportCopies(deps, [accountId], verifyCopy)) {
    if (report.outcome === 'key_missing')
      throw new AppError('VAULT_KEY_MISSING', { message: report.detail ?? '' });
    if (report.outcome !== 'good') continue;
    const { generation, source } = report;
    const { generations } = await findGenerations(deps, accountId);
    const copy = generations
      .find((each) => each.generation === generation)
      ?.copies.find((each) => each.source === source);
    if (copy === undefined) continue;
    const to = makePassphraseLock(passphrase);
    return {
      generation,
      bytes: rewrapStream(copy.read(), { accountId, generation, from: deps.keyRing, to }),
    };
  }
  throw new AppError('VAULT_DAMAGED', { message: 'There is no sealed session that could be exported.' });
}

/** Sealed anew under a number of this account: that of the export may be one that was destroyed here. */
async function importSnapshot(
  { vault, keyRing, clock, folder }: UpkeepDeps,
  given: {
    readonly accountId: AccountId;
    readonly bytes: AsyncIterable<Uint8Array>;
    readonly passphrase: string;
  },
): Promise<{ readonly generation: number }> {
  const { accountId } = given;
  const lock = makePassphraseLock(given.passphrase);
  await using file = await peekHeader(given.bytes);
  const exported = { accountId, generation: file.header.identity.generation, keyRing: lock };
  const generation = (await vault.findNewest(accountId)).generation + 1;
  const sealedAt = new Date(clock.now());
  const sealed = sealStream(openStream(file.sealed, exported), {
    identity: { accountId, generation, sealedAt },
    keyRing,
  });
  const bytes = await folder.write(accountId, generation, sealed);
  await vault.keep({ accountId, generation, sealedAt, keyId: keyRing.currentKeyId, bytes }, { backUp: true });
  return { generation };
}

async function* count(
  source: AsyncIterable<Uint8Array>,
  counted: { bytes: number },
): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    counted.bytes += piece.length;
    yield piece;
  }
}
