/**
 * Where the profiles of accounts lie open, over all instances. What a page took since its last snapshot is in its profile
 * alone: an instance that takes an account from one that died, stands still or was cut off goes on with that profile, where
 * both run on one machine. The account's row names the folder; the mark of the profile in it says whether it is the one
 * that was used last, so that a place that is out of date does no harm.
 *
 * While a profile is moved the row names both ends, so that whoever comes next finds it at the one or the other. It is moved
 * under the lease alone: the browsers of whoever had it are over by then, and what is left of them is ended before and
 * after, since one that was being launched may have opened it until its path was gone. One that had to be copied stays where
 * it was until the row says that the copy is used.
 */
import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AccountId } from '../../accounts/ids.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import { readPidNamespace } from '../../instances/host-process.ts';
import { type FindLease, LeaseLostError } from '../../instances/lease.ts';
import { withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { AppError, errnoOf, isAppError, toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Vault } from '../../vault/vault.ts';
import { findBrowserProcesses, killSeen, lookAtBrowser } from './browser-process.ts';
import { isLastUsed, type KnownVault } from './live-profile.ts';
import { profilePathOf, removeProfile } from './profile.ts';
import { readBoot, readProfileMark, readProfileMarkNow } from './profile-mark.ts';
import { moveProfile } from './profile-takeover.ts';
import { isOurs } from './runtime-folder.ts';

/**
 * What hinders a move may pass, as a disk that is busy or files that are all in use do; after so many milliseconds the vault has
 * to do, for an account is to be taken over within a minute.
 */
const HINDERED_WAIT_MS = 15_000;

export interface ProfilePlacesDeps {
  readonly runtimePath: string;
  readonly vault: Pick<Vault, 'findNewest' | 'findPlaces' | 'savePlaces' | 'clearPlaces'>;
  readonly timings: Pick<SessionTimings, 'freeDiskBytes' | 'lastWritesMs'>;
  readonly findLease: FindLease;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Logger;
}

export class ProfilePlaces {
  readonly #deps: ProfilePlacesDeps;
  /** Where profiles lie that were copied here, and whose use here is yet to be written down. */
  readonly #copied = new Map<AccountId, string>();
  /** Since when, and under which lease, profiles cannot be brought that are there. */
  readonly #hindered = new Map<AccountId, { readonly epoch: number | null; readonly since: number }>();

  constructor(deps: ProfilePlacesDeps) {
    this.#deps = deps;
  }

  /**
   * Brings the profile here that was used last, if it lies open elsewhere and is in reach; what lies here is older then, and is
   * removed. If it lies open somewhere and is out of reach, that is logged: the vault has to do.
   * @throws LeaseLostError; AppError DISK_FULL; AppError VAULT_STORAGE_FAILED if it is to be tried again, for a while, and as long
   * as a browser has it open; and what the database throws
   */
  async bring(accountId: AccountId, { epoch, profileEpoch, isSealed }: KnownVault): Promise<void> {
    if (profileEpoch === null) return;
    const here = profilePathOf(this.#deps.runtimePath, accountId);
    const mark = await readProfileMark(here);
    if (mark !== undefined && isLastUsed(mark, profileEpoch)) return;
    const faults: Fault[] = [];
    for (const from of await this.#deps.vault.findPlaces(accountId)) {
      const fault = await this.#bringFrom({ accountId, epoch, profileEpoch, from, here });
      if (fault === undefined) return void this.#hindered.delete(accountId);
      faults.push({ ...fault, text: `${from}: ${fault.text}` });
    }
    const hindrance = faults.find(({ kind }) => kind !== 'gone');
    if (hindrance !== undefined) this.#requireGivenUp(accountId, epoch, hindrance);
    this.#hindered.delete(accountId);
    // Where nothing was sealed nothing was linked for longer than a moment.
    if (faults.length === 0 || !isSealed) return;
    this.#deps.log.warn(
      'The profile that an account had open is out of reach: what its page took since the last snapshot is lost',
      { accountId, missing: faults.map(({ text }) => text) },
    );
  }

  /** @throws AppError VAULT_STORAGE_FAILED while it is to be tried again */
  #requireGivenUp(accountId: AccountId, epoch: number | null, { kind, text }: Fault): void {
    const now = this.#deps.clock.monotonic();
    const before = this.#hindered.get(accountId);
    const since = before?.epoch === epoch ? before.since : now;
    this.#hindered.set(accountId, { epoch, since });
    if (kind === 'hindered' && now - since >= HINDERED_WAIT_MS) return;
    throw new AppError('VAULT_STORAGE_FAILED', {
      message: `The profile that the account had open cannot be brought here now: ${text}.`,
    });
  }

  /** Says that nothing of the account lies open any more, as far as the database answers: a place out of date does no harm. */
  async clear(accountId: AccountId): Promise<void> {
    const { vault, timings, findLease, log } = this.#deps;
    if (findLease(accountId) === undefined) return;
    const cleared = vault.clearPlaces(accountId);
    await withDeadline(cleared, timings.lastWritesMs, 'Storing that no profile is open').catch((thrown) => {
      const error = toError(thrown).message;
      log.debug('That a profile lies open no more could not be stored', { accountId, error });
    });
  }

  /**
   * The account's profile is used here by now: what was copied of it elsewhere is removed, as its owner would remove it, unless
   * that one has it again.
   */
  async removeCopied(accountId: AccountId, { epoch }: Pick<KnownVault, 'epoch'>): Promise<void> {
    const from = this.#copied.get(accountId);
    if (from === undefined) return;
    this.#copied.delete(accountId);
    try {
      const { profileEpoch } = await this.#deps.vault.findNewest(accountId);
      const mark = readProfileMarkNow(from);
      if (mark === undefined || isLastUsed(mark, profileEpoch) || !this.#isHeld({ accountId, epoch })) return;
      await removeProfile(from);
    } catch (thrown) {
      const error = toError(thrown).message;
      this.#deps.log.warn('A profile was copied here and is left at its former place', {
        accountId,
        from,
        error,
      });
    }
  }

  /** What is in the way, if anything is. */
  async #bringFrom(bringing: Bringing): Promise<Fault | undefined> {
    const { vault, log } = this.#deps;
    const { accountId, from, here } = bringing;
    try {
      const text = await findObstacle(from, bringing);
      if (text !== undefined) return { kind: 'gone', text };
    } catch (thrown) {
      return findFault(thrown);
    }
    await vault.savePlaces(accountId, [here, from]);
    try {
      await this.#move(bringing);
    } catch (thrown) {
      if (thrown instanceof LeaseLostError || isAppError(thrown, 'DISK_FULL')) throw thrown;
      return findFault(thrown);
    }
    log.info('An account goes on with the profile that another instance had open', { accountId, from });
    return undefined;
  }

  /**
   * This process may have stood still at any moment, and another instance have the account and its profile since: each thing
   * that is done to that is done in the same turn as a look at the lease, and to processes alone that were seen under it.
   */
  async #move(bringing: Bringing): Promise<void> {
    const { log, timings } = this.#deps;
    const { accountId, from, here } = bringing;
    await this.#endBrowsers(bringing);
    if (findBrowserProcesses(from).length > 0) throw new InUseError();
    this.#requireHeld(bringing);
    await removeProfile(here);
    const requireLast = () => this.#requireLastUsed(bringing);
    const mayRename = isWithinSight(from);
    const how = await moveProfile(from, here, { freeBytes: timings.freeDiskBytes, requireLast, mayRename });
    if (how === 'copied') this.#copied.set(accountId, from);
    // One that was launched at that moment has what it opened.
    await this.#endBrowsers(bringing);
    log.debug('A profile was brought here', { accountId, from, how });
  }

  async #endBrowsers(bringing: Bringing): Promise<void> {
    const { from } = bringing;
    this.#requireHeld(bringing);
    const mayKill = () => this.#isHeld(bringing);
    await killSeen(from, lookAtBrowser(from), { mayKill, log: this.#deps.log });
    this.#requireHeld(bringing);
  }

  #isHeld({ accountId, epoch }: Pick<Bringing, 'accountId' | 'epoch'>): boolean {
    return (this.#deps.findLease(accountId)?.epoch ?? null) === epoch;
  }

  #requireHeld(bringing: Bringing): void {
    if (!this.#isHeld(bringing)) throw new LeaseLostError();
  }

  #requireLastUsed(bringing: Bringing): void {
    this.#requireHeld(bringing);
    const mark = readProfileMarkNow(bringing.from);
    if (mark === undefined || !isLastUsed(mark, bringing.profileEpoch)) throw new GoneError(OF_ANOTHER_TIME);
  }
}

/**
 * Why a profile was not brought. `gone`: it is not there, or must not be used, and the vault has to do; `hindered`: it is
 * there, and cannot be had now; `in_use`: a browser has it open that does not end, and no other may run beside it.
 */
interface Fault {
  readonly kind: 'gone' | 'hindered' | 'in_use';
  readonly text: string;
}

class GoneError extends Error {}

class InUseError extends Error {
  constructor() {
    super('a browser uses it that cannot be ended');
  }
}

const OF_ANOTHER_TIME = 'what lies there is from another time';

interface Bringing {
  readonly accountId: AccountId;
  /** Of the lease under which it is brought. */
  readonly epoch: number | null;
  readonly profileEpoch: number;
  readonly from: string;
  readonly here: string;
}

/**
 * Why the profile that was used last cannot be taken from the folder, if so. Whoever could write there could have any profile
 * taken over: it, and the folder that it lies in, have to be this user's own.
 */
async function findObstacle(
  path: string,
  { accountId, profileEpoch }: Pick<Bringing, 'accountId' | 'profileEpoch'>,
): Promise<string | undefined> {
  if (path !== profilePathOf(dirname(path), accountId)) return 'it is no profile of the account';
  if (!(await isOwn(path))) return 'it is of another user, or may be';
  const mark = await readProfileMark(path);
  if (mark === undefined) return 'nothing lies there';
  if (!isLastUsed(mark, profileEpoch)) return OF_ANOTHER_TIME;
  // Without it another machine, or one that went down since, cannot be told from this one.
  if (mark.boot === null || mark.boot !== (await readBoot()))
    return 'it is from before the machine went down';
  return undefined;
}

/** Whether a browser that has the profile open would be seen here: that of another container only sleeps, maybe. */
function isWithinSight(path: string): boolean {
  const namespace = readProfileMarkNow(path)?.pidNamespace;
  return namespace !== null && namespace !== undefined && namespace === readPidNamespace();
}

async function isOwn(path: string): Promise<boolean> {
  try {
    const profile = await lstat(path);
    return profile.isDirectory() && profile.uid === process.getuid?.() && (await isOurs(dirname(path)));
  } catch (thrown) {
    if (errnoOf(thrown) === 'EACCES') return false;
    throw thrown;
  }
}

function findFault(thrown: unknown): Fault {
  const error = toError(thrown);
  const { code = '' }: NodeJS.ErrnoException = error;
  if (['ENOENT', 'ENOTDIR'].includes(code)) return { kind: 'gone', text: 'nothing lies there' };
  if (error instanceof GoneError) return { kind: 'gone', text: error.message };
  return { kind: error instanceof InUseError ? 'in_use' : 'hindered', text: error.message };
}
