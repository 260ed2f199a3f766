/**
 * Profiles are open only while a browser runs: taken out of the vault before a life of the browser, sealed while it runs
 * and when the session has ended. What was sealed lies open no longer than it takes others to find the snapshot: see
 * `SealedProfiles`. An opened profile carries a mark, the generation that it was opened from or is about to be sealed as.
 * After a crash it is preferred to the vault while no newer generation is known and its storage is intact; if the machine
 * itself went down, only where it is newer.
 */
import { mkdir, rename } from 'node:fs/promises';
import type { AccountId } from '../../accounts/ids.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import { type FindLease, LeaseLostError } from '../../instances/lease.ts';
import { withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { AppError, toError } from '../../lib/errors.ts';
import { KeyedSerial } from '../../lib/keyed-serial.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Vault } from '../../vault/vault.ts';
import type { VaultStep } from '../../vault/vault-step.ts';
import { copyFrozen, measureCopy } from './frozen-copy.ts';
import { findLinkDamage, findLiveProfile, isLastUsed } from './live-profile.ts';
import { listProfiles, profilePathOf, removeProfile, removeRemnant, requireFreeBytes } from './profile.ts';
import { findKeptEntries } from './profile-content.ts';
import { readBoot, readProfileMark, writeProfileMark } from './profile-mark.ts';
import { ProfilePlaces } from './profile-places.ts';
import { tidyProfiles } from './profile-takeover.ts';
import { SealedProfiles } from './sealed-profiles.ts';
import { type SealedSnapshot, SnapshotCopies } from './snapshot-copies.ts';

export interface ProfileKeeperDeps {
  readonly runtimePath: string;
  readonly vault: Vault;
  readonly timings: Pick<
    SessionTimings,
    | 'backupIntervalMs'
    | 'sharedBackupIntervalMs'
    | 'freezeDeadlineMs'
    | 'freeDiskBytes'
    | 'profileDeadlineMs'
    | 'lastWritesMs'
  >;
  readonly clock: Clock;
  readonly log: Logger;
  /** Under which the profile of an account is used. */
  readonly findLease: FindLease;
  /** Whether other instances share the database. */
  readonly hasOthers: () => boolean;
  /**
   * Told before a profile is put in its place that is as it was at `takenAt`: it lacks what its account did since. If it
   * rejects, the profile is not opened. It may be told again of what it was told already.
   */
  readonly onRestored: (accountId: AccountId, takenAt: Date) => Promise<void>;
  /** Told after each step. */
  readonly onStep: (step: VaultStep) => void;
  /** Told of each profile that was to be sealed and was not. */
  readonly onSealFailed?: () => void;
}

/** What is known of a profile that is open. */
interface Opened {
  /** The newest generation of the account. */
  generation: number;
  isSealed: boolean;
  /** Of the lease that is held here; null where there are no leases. */
  readonly epoch: number | null;
  /** Of the lease under which the profile was begun to be used last, here or elsewhere. */
  readonly profileEpoch: number | null;
}

/** Whether a profile that was taken out lay open already, or is as the vault had it (new, if that has none). */
export type TakenFrom = 'live' | 'vault';

/** What sessions ask of it: their own profile alone. */
export type SessionProfile = Pick<
  ProfileKeeper,
  'takeOut' | 'isSealed' | 'snapshot' | 'copyWhenDue' | 'discard'
>;

export class ProfileKeeper {
  readonly #deps: ProfileKeeperDeps;
  readonly #opened = new Map<AccountId, Opened>();
  readonly #turns = new KeyedSerial<AccountId>();
  /** One profile is frozen and sealed at a time: all sessions that were restored together are due together. */
  readonly #sealings = new KeyedSerial<'sealing'>();
  readonly #copies: SnapshotCopies;
  readonly #places: ProfilePlaces;
  /** Those that are to be removed here once others find their snapshots. */
  readonly #sealed: SealedProfiles;

  constructor(deps: ProfileKeeperDeps) {
    this.#deps = deps;
    this.#sealed = new SealedProfiles({ ...deps, turns: this.#turns });
    this.#copies = new SnapshotCopies(deps);
    this.#places = new ProfilePlaces(deps);
  }

  /** Clears up after an earlier run, before anything is opened: see `tidyProfiles`. No browser runs. */
  async tidy(formerPaths: readonly string[]): Promise<void> {
    const { runtimePath, vault, log } = this.#deps;
    await tidyProfiles(runtimePath, formerPaths, log);
    await vault.tidy();
  }

  /** Completes the destructions that an earlier run could not. Never rejects; it may wait for a backup. */
  async finishWipes(): Promise<void> {
    try {
      await this.#deps.vault.finishWipes();
    } catch (thrown) {
      this.#deps.log.warn('What was destroyed could not be looked through', {
        error: toError(thrown).message,
      });
    }
  }

  /** Accounts whose profile is open. */
  async listOpen(): Promise<readonly AccountId[]> {
    const profiles = await listProfiles(this.#deps.runtimePath);
    return profiles.filter(({ isRemnant }) => !isRemnant).map(({ accountId }) => accountId);
  }

  /** True if a snapshot of the account is there to fall back on. */
  isSealed(accountId: AccountId): boolean {
    return this.#opened.get(accountId)?.isSealed === true;
  }

  /**
   * Opens the profile, unless it is open and good. The account's browser is gone. Once the signal has aborted nothing is
   * put in the profile's place any more.
   * @throws LeaseLostError; AwaitedGenerationError; AppError VAULT_KEY_MISSING, VAULT_DAMAGED, VAULT_STORAGE_FAILED, DISK_FULL;
   * the signal's reason; and what the database and `onRestored` throw
   */
  takeOut(accountId: AccountId, signal?: AbortSignal): Promise<TakenFrom> {
    return this.#turns.run(accountId, async () => {
      signal?.throwIfAborted();
      // One that is gone was taken by another instance, or removed: what was known of it is not true any more.
      const isThere = (await readProfileMark(this.#pathOf(accountId))) !== undefined;
      const opened = isThere ? this.#findOpened(accountId) : undefined;
      const known = opened ?? (await this.#findKnown(accountId));
      if (opened === undefined) await this.#places.bring(accountId, known);
      const live = await this.#findLive(accountId, known);
      // What is not found any more may be with another instance: only the database says whether it may be opened anew.
      if (live === undefined) this.#opened.delete(accountId);
      const generation = live ?? (await this.#openVault(accountId, known, signal));
      const used = live === undefined ? undefined : opened;
      this.#opened.set(accountId, { ...(used ?? (await this.#beginUse(accountId, known))), generation });
      this.#sealed.forget(accountId);
      await this.#places.removeCopied(accountId, known);
      return live === undefined ? 'vault' : 'live';
    });
  }

  /**
   * Looks at what a browser is about to be launched on: whoever came for the profile since it was taken out has left no folder,
   * or one that is somebody else's.
   * @throws AppError SESSION_FAULT if it does not lie there as it was taken out
   */
  async requireOpen(accountId: AccountId): Promise<void> {
    const opened = this.#opened.get(accountId);
    const mark = await readProfileMark(this.#pathOf(accountId));
    const isThere = opened?.generation === mark?.generation && opened !== undefined;
    if (isThere && mark?.leaseEpochs.includes(opened.epoch)) return;
    throw new AppError('SESSION_FAULT', {
      message: 'The opened profile was taken away or removed before the browser was launched.',
    });
  }

  #findLive(accountId: AccountId, known: Opened): Promise<number | undefined> {
    return findLiveProfile(this.#pathOf(accountId), known, { accountId, log: this.#deps.log });
  }

  /**
   * Writes down that whoever had the profile before has it no more, and where it lies: until then what he has counts. Its mark
   * names both leases by now.
   */
  async #beginUse(accountId: AccountId, known: Opened): Promise<Opened> {
    const { epoch, profileEpoch } = known;
    const { vault } = this.#deps;
    const path = this.#pathOf(accountId);
    if (epoch !== null && epoch === profileEpoch) await vault.savePlaces(accountId, [path], epoch);
    else if (epoch !== null) await vault.saveUse(accountId, epoch, path);
    return { ...known, profileEpoch: epoch };
  }

  /** Nothing of before the lease that is held now: another instance may have had the account since. */
  #findOpened(accountId: AccountId): Opened | undefined {
    const opened = this.#opened.get(accountId);
    return opened?.epoch === this.#findEpoch(accountId) ? opened : undefined;
  }

  #findEpoch(accountId: AccountId): number | null {
    return this.#deps.findLease(accountId)?.epoch ?? null;
  }

  /** @throws LeaseLostError; AppError VAULT_KEY_MISSING also if the profile lies open: it could not be sealed without harm. */
  async #findKnown(accountId: AccountId): Promise<Opened> {
    const { vault } = this.#deps;
    await vault.requireKey(accountId);
    const epoch = this.#findEpoch(accountId);
    const newest = await vault.findNewest(accountId);
    // Where it was ever used under a lease it is used under no less.
    if (epoch === null && newest.profileEpoch !== null) throw new LeaseLostError();
    return { ...newest, epoch };
  }

  /** Opens the newest snapshot in the profile's place, or makes an empty profile; returns its mark. */
  async #openVault(accountId: AccountId, known: Opened, signal?: AbortSignal): Promise<number> {
    const { vault, onRestored, onStep, runtimePath, timings } = this.#deps;
    const path = this.#pathOf(accountId);
    const opening = `${path}.opening-${crypto.randomUUID()}`;
    try {
      const opened = await vault.open(accountId, {
        folder: opening,
        findDamage: findLinkDamage,
        // What filled the disk would cost the browsers there their storage (fault F43).
        requireRoom: (bytes) => requireFreeBytes(runtimePath, bytes + timings.freeDiskBytes),
        leaseEpoch: known.epoch,
        signal,
      });
      if (opened === undefined) await mkdir(opening, { mode: 0o700 });
      else await onRestored(accountId, opened.sealedAt);
      await writeProfileMark(opening, {
        generation: known.generation,
        boot: await readBoot(),
        leaseEpochs: [known.epoch],
      });
      signal?.throwIfAborted();
    } catch (thrown) {
      await removeRemnant(opening);
      throw thrown;
    }
    await removeProfile(path);
    onStep('opening-cleared');
    await rename(opening, path);
    onStep('opening-moved');
    return known.generation;
  }

  /**
   * Seals a snapshot of the profile while its browser runs, which stands still for some milliseconds, and copies it
   * elsewhere if that is due. Never rejects: one that failed is logged, and the next is not far.
   */
  async snapshot(accountId: AccountId): Promise<void> {
    try {
      // The account's own turn comes last: whoever waits for the others to be sealed keeps it from no start.
      const sealed = await this.#sealings.run('sealing', () => this.#sealRunning(accountId));
      await sealed?.copied;
    } catch (thrown) {
      const error = toError(thrown).message;
      this.#deps.log.warn('A running session could not be sealed', { accountId, error });
    }
  }

  /** The same, if a copy of the session is due; true if it was. Never rejects. */
  async copyWhenDue(accountId: AccountId): Promise<boolean> {
    if (!this.#copies.isDue(accountId)) return false;
    await this.snapshot(accountId);
    return true;
  }

  #tellFailure<T>(sealing: Promise<T>): Promise<T> {
    return sealing.catch((thrown: unknown) => {
      this.#deps.onSealFailed?.();
      throw thrown;
    });
  }

  /** One that takes too long goes on, and keeps its own account's turn, but no other account waiting. */
  #sealRunning(accountId: AccountId): Promise<{ readonly copied: Promise<void> } | undefined> {
    const sealing = this.#turns.run(accountId, async () => {
      const opened = this.#opened.get(accountId);
      if (opened === undefined) return undefined;
      const copy = `${this.#pathOf(accountId)}.copy-${crypto.randomUUID()}`;
      try {
        const sealed = await this.#tellFailure(this.#freezeAndSeal(accountId, opened, copy));
        // In an object, so that the turn does not wait for it.
        return { copied: this.#copies.add(sealed) };
      } finally {
        await removeRemnant(copy);
      }
    });
    return withDeadline(sealing, this.#deps.timings.profileDeadlineMs, 'Sealing a running session');
  }

  async #freezeAndSeal(accountId: AccountId, opened: Opened, copy: string): Promise<SealedSnapshot> {
    const { vault, log, clock, timings, onStep } = this.#deps;
    await this.#requireRoom(accountId);
    const generation = await this.#mark(accountId, opened);
    const takenAt = clock.monotonic();
    const takenDate = new Date(clock.now());
    const frozenMs = await copyFrozen(this.#pathOf(accountId), copy, timings.freezeDeadlineMs, {
      onFrozen: () => onStep('profile-frozen'),
    });
    onStep('profile-copied');
    const damage = await findLinkDamage(copy);
    if (damage !== undefined) throw new Error(damage);
    const kept = await findKeptEntries(copy);
    const name = { accountId, generation, takenAt: takenDate, profileEpoch: opened.epoch };
    const snapshot = await vault.seal(name, copy, kept);
    const kind = opened.isSealed ? 'running' : 'first';
    opened.isSealed = true;
    log.debug('A running session was sealed', {
      accountId,
      generation,
      frozenMs: Math.round(frozenMs),
      bytes: snapshot.bytes,
    });
    return { snapshot, takenAt, kind };
  }

  /** A disk that a copy filled would cost the browser its storage (fault F43). */
  async #requireRoom(accountId: AccountId): Promise<void> {
    const { runtimePath, timings } = this.#deps;
    const bytes = await measureCopy(this.#pathOf(accountId));
    await requireFreeBytes(runtimePath, bytes + timings.freeDiskBytes);
  }

  /**
   * Seals the profile and removes it where it was open; its copies are made afterwards, see `copied`, and where others share
   * the database it is removed only then: until they find the snapshot they may go on with the profile. The account's browser
   * is gone. A profile that cannot be sealed stays where it is for the next start.
   * @throws LeaseLostError; AppError VAULT_STORAGE_FAILED; and what the disk and the database throw
   */
  seal(accountId: AccountId): Promise<void> {
    return this.#turns.run(accountId, () => this.#tellFailure(this.#sealResting(accountId)));
  }

  /** The same, for when nobody can do anything about a failure but read of it in the log. Never rejects. */
  async putAway(accountId: AccountId): Promise<void> {
    try {
      await this.seal(accountId);
    } catch (thrown) {
      const [path, error] = [this.#pathOf(accountId), toError(thrown).message];
      this.#deps.log.error('A session could not be sealed and stays open', { accountId, path, error });
    }
  }

  /**
   * Resolves when what was sealed so far, of the account or of all, is entered, copied and lies open no more, as far as it can
   * be. Never rejects.
   */
  async copied(accountId?: AccountId): Promise<void> {
    await this.#copies.idle(accountId);
    await this.#sealed.idle(accountId);
  }

  /** True if nothing of the account that was sealed is yet to be entered, copied or removed. */
  isCopied(accountId: AccountId): boolean {
    return this.#copies.isIdle(accountId) && this.#sealed.isIdle(accountId);
  }

  /** Tries again what could not be entered or copied so that others find it: see `SealedProfiles`. Never rejects. */
  settle(signal: AbortSignal): Promise<void> {
    return this.#sealed.settle(signal);
  }

  async #sealResting(accountId: AccountId): Promise<void> {
    const { vault, log, clock, onStep } = this.#deps;
    const path = this.#pathOf(accountId);
    if ((await readProfileMark(path)) === undefined) return;
    const opened = this.#findOpened(accountId) ?? (await this.#findLeftOpen(accountId));
    if (opened === undefined) return await this.#removeLive(accountId);
    const generation = await this.#mark(accountId, opened).catch((thrown) => {
      if (thrown instanceof LeaseLostError) throw thrown;
      // On a full disk: the vault is elsewhere, and what is sealed here does not change any more.
      log.debug('A session is sealed that could not be marked', {
        accountId,
        error: toError(thrown).message,
      });
      return opened.generation + 1;
    });
    const name = { accountId, generation, profileEpoch: opened.epoch };
    const snapshot = await vault.seal(name, path, await findKeptEntries(path));
    const stays = this.#deps.hasOthers();
    if (stays) this.#opened.delete(accountId);
    else {
      await this.#removeLive(accountId);
      onStep('profile-removed');
    }
    log.info('A session was sealed', { accountId, generation, bytes: snapshot.bytes });
    const copied = this.#copies.add({ snapshot, takenAt: clock.monotonic(), kind: 'last' });
    if (stays) this.#sealed.add({ accountId, generation }, copied);
  }

  /**
   * What is known of a profile that was never taken out here. Nothing, if it is not what a start would use: sealed, it
   * would pass for newer than the vault is. The vault then lies open in its place, as far as it can be opened.
   */
  async #findLeftOpen(accountId: AccountId): Promise<Opened | undefined> {
    const known = await this.#findKnown(accountId);
    const live = await this.#findLive(accountId, known);
    if (live === undefined) await this.#openVault(accountId, known);
    const begun = await this.#beginUse(accountId, known);
    return live === undefined ? undefined : begun;
  }

  /**
   * Before it is sealed, so that a crash leaves no snapshot that its own profile would be taken to be older than.
   * @throws LeaseLostError if the lease is over under which it was taken out: it may be open elsewhere
   */
  async #mark(accountId: AccountId, opened: Opened): Promise<number> {
    if (this.#findEpoch(accountId) !== opened.epoch) throw new LeaseLostError();
    const generation = opened.generation + 1;
    await writeProfileMark(this.#pathOf(accountId), {
      generation,
      boot: await readBoot(),
      leaseEpochs: [opened.epoch],
    });
    opened.generation = generation;
    this.#deps.onStep('profile-marked');
    return generation;
  }

  /** Removes the opened profile without sealing it. The account's browser is gone. */
  discard(accountId: AccountId): Promise<void> {
    return this.#turns.run(accountId, () => this.#removeLive(accountId));
  }

  /**
   * The same, of an account that another instance holds, once that has begun to use another profile: until then it may come
   * for this one.
   */
  discardOutdated(accountId: AccountId): Promise<void> {
    return this.#turns.run(accountId, async () => {
      const mark = await readProfileMark(this.#pathOf(accountId));
      // Of what the row names after that mark was read.
      const { profileEpoch } = await this.#deps.vault.findNewest(accountId);
      if (mark !== undefined && !isLastUsed(mark, profileEpoch)) await this.#removeLive(accountId);
    });
  }

  /**
   * Destroys the link: the opened profile, every snapshot, every copy. The account's browser is gone. Once it has
   * resolved none of them is ever used again; a copy that cannot be reached is logged and removed later. Safe to call
   * again.
   */
  destroy(accountId: AccountId): Promise<void> {
    return this.#turns.run(accountId, async () => {
      const { vault, onStep } = this.#deps;
      const mark = await readProfileMark(this.#pathOf(accountId));
      const { generation } = await vault.findNewest(accountId);
      // Above the mark of the opened profile too, which a crash may leave behind.
      await vault.markDestroyed(accountId, Math.max(mark?.generation ?? 0, generation) + 1);
      await this.#removeLive(accountId);
      onStep('wipe-profile-removed');
      await this.#wipe(accountId);
    });
  }

  /** The same, if anything is left of one. */
  async destroyLeft(accountId: AccountId): Promise<void> {
    const { isSealed } = await this.#deps.vault.findNewest(accountId);
    const isOpen = (await readProfileMark(this.#pathOf(accountId))) !== undefined;
    await (isSealed || isOpen ? this.destroy(accountId) : this.#wipe(accountId));
  }

  async #wipe(accountId: AccountId): Promise<void> {
    await this.#copies.wipe(accountId).catch((thrown) => {
      const error = toError(thrown).message;
      this.#deps.log.warn('Copies of a destroyed session are left where they cannot be reached', {
        accountId,
        error,
      });
    });
  }

  async #removeLive(accountId: AccountId): Promise<void> {
    await removeProfile(this.#pathOf(accountId));
    this.#opened.delete(accountId);
    this.#sealed.forget(accountId);
    await this.#places.clear(accountId);
  }

  #pathOf(accountId: AccountId): string {
    return profilePathOf(this.#deps.runtimePath, accountId);
  }
}
