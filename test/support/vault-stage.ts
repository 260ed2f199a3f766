import { existsSync } from 'node:fs';
import { cp, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type AccountId, parseAccountId, parseInstanceId } from '../../src/accounts/ids.ts';
import { profilePathOf } from '../../src/channels/whatsapp-web/profile.ts';
import { makeProfileInspection } from '../../src/channels/whatsapp-web/profile-inspection.ts';
import { ProfileKeeper } from '../../src/channels/whatsapp-web/profile-keeper.ts';
import { type Executor, openDatabase } from '../../src/db/database.ts';
import { makeDatabaseBackup } from '../../src/db/snapshot-chunk-store.ts';
import { makeSnapshotIndex } from '../../src/db/snapshot-store.ts';
import type { PostgresConnection } from '../../src/embedded/postgres.ts';
import type { FindLease } from '../../src/instances/lease.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import type { Logger } from '../../src/lib/logger.ts';
import type { CopyReport } from '../../src/vault/copy-reports.ts';
import { type KeyRing, makeKeyRing } from '../../src/vault/key-ring.ts';
import type { SnapshotBackup } from '../../src/vault/snapshot-backup.ts';
import { type SnapshotOutcome, Vault } from '../../src/vault/vault.ts';
import { VaultFolder } from '../../src/vault/vault-folder.ts';
import type { VaultStep } from '../../src/vault/vault-step.ts';
import { makeVaultUpkeep, type VaultUpkeep } from '../../src/vault/vault-upkeep.ts';
import { makeProfileSample, readProfileSample, storeInProfile } from './profile-sample.ts';
import { RecordingLogger } from './recording-logger.ts';
import { CURRENT_KEY } from './sealed-sample.ts';

/** Where the sessions of one daemon are; as JSON it says the same to another process. */
export interface VaultPlaces {
  readonly runtimePath: string;
  readonly sessionPath: string;
  readonly connection: PostgresConnection;
  readonly accountId: string;
  /** What marks the browsers of a daemon with a guard. */
  readonly guardMark?: string;
}

export interface VaultStageSettings {
  readonly log?: Logger;
  readonly onStep?: (step: VaultStep) => void;
  readonly keyRing?: KeyRing;
  /** Lays something between the vault and its backup in the database. */
  readonly wrapBackup?: (backup: SnapshotBackup) => SnapshotBackup;
  /** Beside that in the database. */
  readonly moreBackups?: readonly SnapshotBackup[];
  /** Lays something between the vault and its disk. */
  readonly wrapFolder?: (path: string) => VaultFolder;
  readonly formerPaths?: readonly string[];
  /** Under which the account is used; under none without it. */
  readonly findLease?: FindLease;
  /** Of the daemon. */
  readonly instance?: string;
  readonly backupIntervalMs?: number;
  readonly sharedBackupIntervalMs?: number;
  readonly freeDiskBytes?: number;
  readonly profileDeadlineMs?: number;
  readonly hasOthers?: () => boolean;
  /** Beside what `restoredFrom` keeps. */
  readonly onRestored?: () => Promise<void>;
  /** For what is due when. */
  readonly clock?: Clock;
}

/**
 * The real vault of one account, as a daemon opens it, without the daemon. Nothing is kept in memory that another one
 * on the same places would miss: opening a second one is what a restart is.
 */
export class VaultStage implements AsyncDisposable {
  readonly accountId: AccountId;
  readonly profilePath: string;
  readonly log: RecordingLogger;
  /** When the snapshots were taken of which it was told that the profile is restored from them. */
  readonly restoredFrom: Date[] = [];
  /** What became of snapshots, as it is counted. */
  readonly outcomes: SnapshotOutcome[] = [];
  readonly db: Executor;
  readonly folder: VaultFolder;
  readonly backup: SnapshotBackup;
  readonly index: ReturnType<typeof makeSnapshotIndex>;
  readonly vault: Vault;
  readonly keeper: ProfileKeeper;
  readonly upkeep: VaultUpkeep;
  readonly #places: VaultPlaces;
  readonly #settings: VaultStageSettings;
  readonly #opened: ReturnType<typeof openDatabase>;

  private constructor(places: VaultPlaces, settings: VaultStageSettings) {
    const { onStep = () => undefined } = settings;
    const keyRing = settings.keyRing ?? makeKeyRing({ current: CURRENT_KEY, previous: [] });
    this.#places = places;
    this.#settings = settings;
    this.accountId = parseAccountId(places.accountId);
    this.profilePath = profilePathOf(places.runtimePath, this.accountId);
    this.log = new RecordingLogger();
    const log = settings.log ?? this.log;
    this.#opened = openDatabase({ connection: places.connection, log, poolSize: 3 });
    this.db = this.#opened.db;
    this.folder = settings.wrapFolder?.(places.sessionPath) ?? new VaultFolder(places.sessionPath, onStep);
    this.index = makeSnapshotIndex(this.db, parseInstanceId(settings.instance ?? 'test'), settings.findLease);
    this.backup = makeDatabaseBackup(this.db);
    const database = settings.wrapBackup?.(this.backup) ?? this.backup;
    const backups = [database, ...(settings.moreBackups ?? [])];
    const { folder, index } = this;
    const onOutcome = (outcome: SnapshotOutcome) => void this.outcomes.push(outcome);
    const { clock = systemClock } = settings;
    const deps = { folder, keyRing, index, backups, clock, log, onStep, onOutcome };
    this.vault = new Vault(deps);
    const { freeDiskBytes = 0 } = settings;
    const inspection = makeProfileInspection(places.runtimePath, { freeDiskBytes });
    this.upkeep = makeVaultUpkeep({ ...deps, vault: this.vault, inspection });
    this.keeper = new ProfileKeeper({
      runtimePath: places.runtimePath,
      vault: this.vault,
      timings: {
        backupIntervalMs: settings.backupIntervalMs ?? 0,
        sharedBackupIntervalMs: settings.sharedBackupIntervalMs ?? 0,
        freezeDeadlineMs: 2_000,
        freeDiskBytes,
        profileDeadlineMs: settings.profileDeadlineMs ?? 60_000,
        lastWritesMs: 2_000,
      },
      clock,
      log,
      findLease: settings.findLease ?? (() => undefined),
      hasOthers: settings.hasOthers ?? (() => false),
      onRestored: async (accountId, takenAt) => {
        if (accountId === this.accountId) this.restoredFrom.push(takenAt);
        await settings.onRestored?.();
      },
      onStep,
      onSealFailed: () => onOutcome('seal_failed'),
    });
  }

  static async open(places: VaultPlaces, settings: VaultStageSettings = {}): Promise<VaultStage> {
    for (const path of [places.runtimePath, places.sessionPath]) await mkdir(path, { recursive: true });
    return new VaultStage(places, settings);
  }

  /** What a daemon does at its start: it clears up, leaves no profile open that is not linked, ends destructions. */
  async boot(): Promise<void> {
    await this.keeper.tidy(this.#settings.formerPaths ?? []);
    const { linked } = await this.db
      .selectFrom('accounts')
      .select('linked')
      .where('id', '=', this.accountId)
      .executeTakeFirstOrThrow();
    if (!linked) await this.keeper.discard(this.accountId);
    await this.vault.finishWipes();
  }

  /** What a browser leaves that was linked: stores the text in the opened profile, which is made if it is empty. */
  async store(text: string): Promise<void> {
    await this.db.updateTable('accounts').set({ linked: true }).where('id', '=', this.accountId).execute();
    const isMade = existsSync(join(this.profilePath, 'Local State'));
    await (isMade ? storeInProfile(this.profilePath, text) : makeProfileSample(this.profilePath, text));
  }

  /** The text in the opened profile; null if it is empty. */
  async read(): Promise<string | null> {
    const names = await readdir(this.profilePath);
    return names.join() === 'switchboard.json' ? null : readProfileSample(this.profilePath);
  }

  /** A session from its start to its clean stop, with this text in it at the end. */
  async seal(text: string): Promise<void> {
    await this.keeper.takeOut(this.accountId);
    await this.store(text);
    await this.putAway();
  }

  /** Ends the session, and waits until it is copied as well. */
  async putAway(): Promise<void> {
    await this.keeper.putAway(this.accountId);
    await this.keeper.copied();
  }

  /** Opens the session; what is in it. */
  async takeOut(): Promise<string | null> {
    await this.keeper.takeOut(this.accountId);
    return this.read();
  }

  /** Wraps every copy anew; `generation source outcome` of each. */
  rotate(): Promise<string[]> {
    return describeAll(this.upkeep.rotate([this.accountId]));
  }

  /** Opens every copy; the same of each. */
  verify(): Promise<string[]> {
    return describeAll(this.upkeep.verify([this.accountId]));
  }

  /** What lies where opened profiles lie. */
  listRuntime(): Promise<string[]> {
    return readdir(this.#places.runtimePath);
  }

  /** What lies in the account's vault on disk. */
  async listDisk(): Promise<string[]> {
    const path = join(this.#places.sessionPath, this.accountId);
    return existsSync(path) ? (await readdir(path)).sort() : [];
  }

  /** Copies the vault on disk away, as a thief or a backup of the machine does. */
  async copyDisk(target: string): Promise<void> {
    await cp(join(this.#places.sessionPath, this.accountId), target, { recursive: true });
  }

  /** Puts such a copy back. */
  async restoreDisk(source: string): Promise<void> {
    await cp(source, join(this.#places.sessionPath, this.accountId), { recursive: true });
  }

  /** Generations of which the database holds bytes, newest first. */
  async listDatabase(): Promise<number[]> {
    const rows = await this.db
      .selectFrom('vault_chunks')
      .select('generation')
      .distinct()
      .where('account_id', '=', this.accountId)
      .execute();
    return rows.map(({ generation }) => Number(generation)).sort((a, b) => b - a);
  }

  /** Generations that the index knows, newest first. */
  async listIndex(): Promise<number[]> {
    return (await this.index.find(this.accountId)).snapshots.map(({ generation }) => generation);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened[Symbol.asyncDispose]();
  }
}

async function describeAll(reports: AsyncIterable<CopyReport>): Promise<string[]> {
  const lines: string[] = [];
  for await (const { generation, source, outcome } of reports)
    lines.push(`${generation} ${source} ${outcome}`);
  return lines;
}
