import { rm } from 'node:fs/promises';
import type { AccountId } from '../accounts/ids.ts';
import { untilAborted } from '../lib/abort.ts';
import { AppError, isAppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { type AbsentWaits, AwaitedGenerationError, decideAbsent } from './absent-generation.ts';
import type { ArchiveLimits } from './archive-reader.ts';
import { type Copy, findGenerations, type Generation, type SnapshotPlaces } from './generations.ts';
import type { KeyRing } from './key-ring.ts';
import { type RequireRoom, unpackInto } from './profile-archive.ts';
import { openStream } from './sealed-stream.ts';
import type { SnapshotIdentity } from './snapshot.ts';
import type { VaultStep } from './vault-step.ts';

/** What a profile may hold: many times the largest that was ever seen, far less than a disk. */
export const PROFILE_LIMITS: ArchiveLimits = { maxBytes: 4 * 1024 ** 3, maxEntries: 100_000 };

/** A snapshot that was opened, and where it came from: the disk or the name of a backup. */
export interface OpenedSnapshot {
  readonly generation: number;
  readonly source: string;
  /** When it was taken: what its account did since is missing. */
  readonly sealedAt: Date;
  /** The sealed bytes of the copy that was opened, once more. */
  read(): AsyncIterable<Uint8Array>;
}

/** Looks at an unpacked profile; a sentence if it is damaged. */
export type FindDamage = (folder: string) => Promise<string | undefined>;

export interface OpeningDeps extends SnapshotPlaces {
  readonly keyRing: KeyRing;
  readonly log: Logger;
  readonly onStep: (step: VaultStep) => void;
  readonly waits: AbsentWaits;
}

/** Into which new folder the profile of which account goes, and until when. */
export interface Opening {
  readonly accountId: AccountId;
  readonly folder: string;
  readonly findDamage: FindDamage;
  readonly requireRoom: RequireRoom;
  /** Of the lease under which it is opened, for how long one is waited for; null if that is none. */
  readonly leaseEpoch?: number | null;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens the newest snapshot that is any good into a new folder; undefined if there is none. Each generation is looked
 * for on disk first, then in the backups; an older one is taken only if no copy of a newer one opens undamaged, and
 * that is logged. One that may lie on the disk of another instance is waited for by failing, for as long as that may take to
 * copy it. Nothing is left of the folder if it fails.
 * @throws AwaitedGenerationError; AppError VAULT_KEY_MISSING if a better one needs another key; VAULT_STORAGE_FAILED if a
 * better one may be where it cannot be reached now; VAULT_DAMAGED if none is any good; DISK_FULL; and the signal's reason
 */
export async function openNewest(deps: OpeningDeps, opening: Opening): Promise<OpenedSnapshot | undefined> {
  const { accountId } = opening;
  const { alive, isHeldHere } = await findGenerations(deps, accountId);
  const failures: string[] = [];
  const waitedMs = findWaitedMs(deps, opening, alive);
  let leftBehind: Generation | undefined;
  for (const each of alive) {
    const { generation, copies, entry } = each;
    const sealer = entry?.sealer ?? 'here';
    const step = copies.length > 0 ? undefined : decideAbsent({ isHeldHere, sealer, waitedMs });
    if (step === 'wait')
      throw isHeldHere ? new AwaitedGenerationError(generation) : makeHeldElsewhere(generation);
    if (step === 'left_behind') leftBehind ??= each;
    const opened = await openGeneration(deps, opening, each);
    failures.push(...opened.failures);
    if (opened.copy === undefined) continue;
    deps.waits.forget(accountId);
    const { copy, sealedAt } = opened;
    tellOpened(deps.log, { accountId, generation, sealedAt, source: copy.source }, { failures, leftBehind });
    return { generation, source: copy.source, sealedAt, read: copy.read };
  }
  if (alive.length === 0) return undefined;
  if (leftBehind !== undefined) throw makeLeftBehind(leftBehind.generation);
  throw new AppError('VAULT_DAMAGED', {
    message: `No sealed copy of the session can be used. ${failures.join(' ')}`,
  });
}

/** How long the newest of those has been missed of which there is no copy. */
function findWaitedMs(
  { waits }: OpeningDeps,
  { accountId, leaseEpoch = null }: Opening,
  alive: readonly Generation[],
): number {
  const missed = alive.find(({ copies }) => copies.length === 0);
  return missed === undefined ? 0 : waits.waitedMs({ accountId, generation: missed.generation, leaseEpoch });
}

function makeHeldElsewhere(generation: number): AppError {
  return new AppError('VAULT_STORAGE_FAILED', {
    message: `Generation ${generation} has no copy that can be reached: it may lie on the disk of the instance that held the account last.`,
  });
}

/** It may come back at any time; only a person knows that it never will. */
function makeLeftBehind(generation: number): AppError {
  return new AppError('VAULT_STORAGE_FAILED', {
    message: `Generation ${generation} lies on the disk of an instance that is not there, and there is nothing older. Start that instance, or, if its disk is lost, disconnect the account and link it anew.`,
  });
}

/** What came of a generation: the copy that opened and when it was taken, if one did. */
type OpenedCopy = { readonly failures: readonly string[] } & (
  | { readonly copy: Copy; readonly sealedAt: Date }
  | { readonly copy?: undefined }
);

/** The first copy of it that opens undamaged, if any, and what is wrong with those before. */
async function openGeneration(
  deps: OpeningDeps,
  opening: Opening,
  { generation, copies }: Generation,
): Promise<OpenedCopy> {
  if (copies.length === 0) return { failures: [`No copy of generation ${generation} is left.`] };
  const failures: AppError[] = [];
  const describe = () =>
    failures.map(({ message }, at) => `Generation ${generation} (${copies[at]?.source}): ${message}`);
  for (const copy of copies) {
    const tried = await tryCopy(deps, opening, { generation, copy });
    if (tried instanceof Date) return { copy, sealedAt: tried, failures: describe() };
    failures.push(tried);
  }
  // Copies differ in their key where one was out of reach when the others were wrapped anew.
  for (const code of ['VAULT_KEY_MISSING', 'VAULT_STORAGE_FAILED'] as const) {
    const better = failures.find((failure) => failure.code === code);
    if (better) throw better;
  }
  return { failures: describe() };
}

/** Unpacks one copy; when it was taken, or what is wrong with it. */
async function tryCopy(
  { keyRing, onStep }: OpeningDeps,
  { accountId, folder, findDamage, requireRoom, signal }: Opening,
  { generation, copy }: { readonly generation: number; readonly copy: Copy },
): Promise<AppError | Date> {
  let sealedAt = new Date(0);
  const onIdentity = (identity: SnapshotIdentity) => {
    sealedAt = identity.sealedAt;
  };
  try {
    onStep('opening-begun');
    const plain = openStream(untilAborted(copy.read(), signal), {
      accountId,
      generation,
      keyRing,
      onIdentity,
    });
    await unpackInto(plain, folder, PROFILE_LIMITS, requireRoom);
    onStep('opening-unpacked');
    const damage = await findDamage(folder);
    if (damage !== undefined) throw new AppError('VAULT_DAMAGED', { message: damage });
    onStep('opening-checked');
    return sealedAt;
  } catch (thrown) {
    await rm(folder, { recursive: true, force: true });
    signal?.throwIfAborted();
    // No other copy is to be taken for it.
    if (isAppError(thrown, 'DISK_FULL')) throw thrown;
    if (isAppError(thrown)) return thrown;
    const { message } = toError(thrown);
    return new AppError('VAULT_STORAGE_FAILED', { message, cause: thrown });
  }
}

/** What the session lacks is told by two instants: of what is gone on from, and of what was left behind. */
function tellOpened(
  log: Logger,
  {
    sealedAt,
    ...fields
  }: Pick<OpenedSnapshot, 'generation' | 'source' | 'sealedAt'> & { accountId: AccountId },
  {
    failures,
    leftBehind,
  }: { readonly failures: readonly string[]; readonly leftBehind: Generation | undefined },
): void {
  if (leftBehind !== undefined)
    log.error(
      'A sealed session was opened that is older than the newest, which another instance did not copy',
      {
        ...fields,
        newest: leftBehind.generation,
        missingFrom: sealedAt,
        missingTo: leftBehind.entry?.sealedAt,
        failures,
      },
    );
  else if (failures.length === 0) log.debug('A sealed session was opened', fields);
  else log.warn('A sealed session was opened from another copy than the newest', { ...fields, failures });
}
