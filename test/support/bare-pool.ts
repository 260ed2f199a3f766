import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { vi } from 'vitest';
import type { Account, AccountStore, SessionChange } from '../../src/accounts/account.ts';
import { type AccountId, parseInstanceId } from '../../src/accounts/ids.ts';
import type { SessionState } from '../../src/accounts/state.ts';
import { openPool, type Pool } from '../../src/channels/whatsapp-web/pool.ts';
import { ProfileKeeper, type ProfileKeeperDeps } from '../../src/channels/whatsapp-web/profile-keeper.ts';
import { DEFAULT_TIMINGS, type SessionTimings } from '../../src/config/session-timings.ts';
import { makeAccountStore } from '../../src/db/account-store.ts';
import { type Executor, openDatabase } from '../../src/db/database.ts';
import { makeSnapshotIndex } from '../../src/db/snapshot-store.ts';
import type { Leases } from '../../src/instances/lease.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { makeKeyRing } from '../../src/vault/key-ring.ts';
import type { SnapshotBackup } from '../../src/vault/snapshot-backup.ts';
import type { SnapshotIndex } from '../../src/vault/snapshot-index.ts';
import { Vault } from '../../src/vault/vault.ts';
import { VaultFolder } from '../../src/vault/vault-folder.ts';
import type { VaultStep } from '../../src/vault/vault-step.ts';
import { openTestDatabase, type TestDatabase } from './database.ts';
import { GrantedLeases } from './granted-leases.ts';
import { HeldCalls } from './held-calls.ts';
import { insertTestAccount } from './inbound-events.ts';
import { noGuard } from './no-guard.ts';
import { RecordingLogger } from './recording-logger.ts';
import { openTemporaryFolder } from './temporary-folder.ts';

const INSTANCE = parseInstanceId('test');

export interface BarePoolSettings {
  readonly maxConnections?: number;
  readonly timings?: Partial<SessionTimings>;
  /** In place of one that ends at once. */
  readonly executablePath?: string;
  readonly backups?: readonly SnapshotBackup[];
  /** In place of those that are granted to everybody. */
  readonly leases?: Leases;
}

/**
 * A pool over a real database and a real vault, without a browser that starts: for what happens between its sessions. What
 * they store and what is done to their profiles can be held up, or fail.
 */
export class BarePool implements AsyncDisposable {
  readonly db: Executor;
  readonly store: HeldCalls<AccountStore>;
  readonly profiles: HeldCalls<ProfileKeeper>;
  readonly index: HeldCalls<SnapshotIndex>;
  readonly restorations = new HeldCalls<Pick<ProfileKeeperDeps, 'onRestored'>>({
    onRestored: async () => undefined,
  });
  readonly steps: VaultStep[] = [];
  readonly log = new RecordingLogger();
  readonly connection: TestDatabase['connection'];
  readonly #folder: string;
  readonly #told = new Map<AccountId, SessionChange[]>();
  readonly #resources: AsyncDisposableStack;
  readonly leases = new GrantedLeases();
  /** Those that the pool goes by. */
  #leases: Leases = this.leases;
  #pool: Pool | undefined;

  private constructor(
    parts: {
      db: Executor;
      connection: TestDatabase['connection'];
      folder: string;
      settings: BarePoolSettings;
    },
    resources: AsyncDisposableStack,
  ) {
    this.db = parts.db;
    this.connection = parts.connection;
    this.#folder = parts.folder;
    this.#resources = resources;
    this.store = new HeldCalls(makeAccountStore(parts.db));
    this.index = new HeldCalls(makeSnapshotIndex(parts.db, INSTANCE));
    this.profiles = new HeldCalls(this.#makeKeeper(parts.settings));
  }

  static async open(settings: BarePoolSettings = {}): Promise<BarePool> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await openTemporaryFolder()).path;
    for (const name of ['live', 'vaults']) await mkdir(join(folder, name), { mode: 0o700 });
    const database = stack.use(await openTestDatabase());
    const { db } = stack.use(openDatabase({ connection: database.connection, log: new RecordingLogger() }));
    const bare = new BarePool({ db, connection: database.connection, folder, settings }, stack.move());
    await bare.boot(settings);
    return bare;
  }

  /** Opens the pool, as a daemon that comes up would; the one before must have been closed. */
  async boot(settings: BarePoolSettings = {}): Promise<void> {
    const {
      maxConnections = 20,
      timings = {},
      executablePath = '/bin/false',
      leases = this.leases,
    } = settings;
    this.#leases = leases;
    this.#pool = await openPool({
      config: {
        browser: { executablePath: null, headless: 'auto', extraArgs: [] },
        whatsapp: {
          maxConnections,
          messageRateLimit: 0,
          dailyLimit: 1_000,
          timezone: 'UTC',
          pacing: { warmup: false, jitter: false, breaker: false },
        },
      },
      runtimePath: this.runtimePath,
      formerPaths: [],
      profiles: this.profiles.face,
      browser: { executablePath, headless: 'shell' },
      instanceId: INSTANCE,
      leases,
      store: this.store.face,
      listener: {
        onEvents: () => undefined,
        onConnected: () => undefined,
        onState: (accountId, change) => void this.told(accountId).push(change),
      },
      clock: systemClock,
      log: this.log,
      guard: noGuard,
      isRoot: true,
      timings: { ...DEFAULT_TIMINGS, ...timings },
      environment: {},
    });
  }

  /** Where profiles are opened. */
  get runtimePath(): string {
    return join(this.#folder, 'live');
  }

  get pool(): Pool {
    if (!this.#pool) throw new Error('There is no pool.');
    return this.#pool;
  }

  create(): Promise<AccountId> {
    return insertTestAccount(this.db);
  }

  /** What users were told of the account, oldest first. */
  told(accountId: AccountId): SessionChange[] {
    const changes = this.#told.get(accountId) ?? [];
    this.#told.set(accountId, changes);
    return changes;
  }

  /** Resolves with the account as soon as it is stored to be in that state. */
  state(accountId: AccountId, state: SessionState): Promise<Account> {
    return vi.waitFor(
      async () => {
        const account = await this.store.face.getAccount(accountId);
        if (account.state !== state) throw new Error(`It is ${account.state} (${account.reason}).`);
        return account;
      },
      { timeout: 20_000, interval: 20 },
    );
  }

  /** States and reasons of the account's history, oldest first. */
  async history(accountId: AccountId): Promise<string[]> {
    const rows = await this.db
      .selectFrom('session_events')
      .select(['state', 'reason'])
      .where('account_id', '=', accountId)
      .where('kind', '=', 'state')
      .orderBy('id')
      .execute();
    return rows.map(({ state, reason }) => (reason === null ? String(state) : `${state} ${reason}`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool?.[Symbol.asyncDispose]();
    await this.#resources.disposeAsync();
  }

  #makeKeeper({ backups = [] }: BarePoolSettings): ProfileKeeper {
    const onStep = (step: VaultStep) => void this.steps.push(step);
    return new ProfileKeeper({
      runtimePath: this.runtimePath,
      vault: new Vault({
        folder: new VaultFolder(join(this.#folder, 'vaults'), onStep),
        keyRing: makeKeyRing({ current: randomBytes(32), previous: [] }),
        index: this.index.face,
        backups,
        clock: systemClock,
        log: this.log,
        onStep,
      }),
      timings: DEFAULT_TIMINGS,
      clock: systemClock,
      log: this.log,
      findLease: (accountId) => this.#leases.find(accountId),
      hasOthers: () => false,
      onRestored: (...told) => this.restorations.face.onRestored(...told),
      onStep,
    });
  }
}
