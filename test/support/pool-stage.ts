import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readBrowserConfig } from '../../scripts/machine-browser.ts';
import { type Phone, type Simulator, startSimulator, type WorldClient } from '../../simulator/client.ts';
import type { Account, AccountStore, Pairing, SessionAlert } from '../../src/accounts/account.ts';
import {
  type AccountId,
  DEFAULT_TENANT,
  type InstanceId,
  makeAccountId,
  parseInstanceId,
} from '../../src/accounts/ids.ts';
import { REASONS, type ReasonCode } from '../../src/accounts/reason.ts';
import type { SessionState } from '../../src/accounts/state.ts';
import type { ChannelListener, ConnectedSession } from '../../src/channels/channel.ts';
import { getBrowser } from '../../src/channels/whatsapp-web/browser.ts';
import { findBrowserProcesses } from '../../src/channels/whatsapp-web/browser-process.ts';
import { openPool, type Pool } from '../../src/channels/whatsapp-web/pool.ts';
import { profilePathOf } from '../../src/channels/whatsapp-web/profile.ts';
import { ProfileKeeper } from '../../src/channels/whatsapp-web/profile-keeper.ts';
import { DEFAULT_TIMINGS, type SessionTimings } from '../../src/config/session-timings.ts';
import { insertAccount } from '../../src/db/account-directory.ts';
import { makeAccountStore } from '../../src/db/account-store.ts';
import { type Executor, openDatabase } from '../../src/db/database.ts';
import { makeLeaseFence } from '../../src/db/lease-fence.ts';
import { makeDatabaseBackup } from '../../src/db/snapshot-chunk-store.ts';
import { makeSnapshotIndex } from '../../src/db/snapshot-store.ts';
import type { FindLease, Leases } from '../../src/instances/lease.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { InboundEvent, MessageEvent } from '../../src/messages/inbound-event.ts';
import { makeKeyRing } from '../../src/vault/key-ring.ts';
import { Vault } from '../../src/vault/vault.ts';
import { VaultFolder } from '../../src/vault/vault-folder.ts';
import { openTestDatabase, type TestDatabase } from './database.ts';
import { GrantedLeases } from './granted-leases.ts';
import { noGuard } from './no-guard.ts';
import { RecordingLogger } from './recording-logger.ts';
import { TellingLogger } from './telling-logger.ts';
import { openTemporaryFolder } from './temporary-folder.ts';

const PATIENCE_MS = 40_000;

async function makePrivateFolder(path: string): Promise<string> {
  await mkdir(path, { mode: 0o700 });
  return path;
}

/** Deadlines short enough to be waited for, long enough for a busy machine. */
export const SHORT_TIMINGS: SessionTimings = {
  ...DEFAULT_TIMINGS,
  // No test wants its browser to stand still later on.
  snapshotAgainMs: DEFAULT_TIMINGS.snapshotIntervalMs,
  startDeadlineMs: 12_000,
  readyDeadlineMs: 12_000,
  modulesGraceMs: 3_000,
  hooksGraceMs: 3_000,
  loginScreenMs: 300,
  unpairedGraceMs: 2_000,
  levelCheckMs: 300,
  syncGraceMs: 500,
  probeIntervalMs: 500,
  probeDeadlineMs: 1_500,
  lineGraceMs: 600,
  offlineGraceMs: 2_000,
  closeDeadlineMs: 2_000,
  closeUnresponsiveMs: 1_000,
  logoutDeadlineMs: 3_000,
  outboxGraceMs: 2_500,
  callDeadlineMs: 3_000,
  heavyCallDeadlineMs: 5_000,
};

export interface StateChange {
  readonly state: SessionState;
  readonly reason: ReasonCode | null;
  readonly attempt?: number | undefined;
}

export interface NewStageAccount {
  /** The number that alone may be linked; E.164. */
  readonly expected?: string;
  readonly pairing?: Pairing;
  readonly displayName?: string;
}

interface PoolStageSettings {
  readonly timings?: Partial<SessionTimings>;
  /** In place of the browser that is found. */
  readonly executablePath?: string;
  readonly maxConnections?: number;
  /** Another instance than `test`, on the same database and vault; it opens profiles in a folder of its own. */
  readonly instance?: { readonly id: InstanceId; readonly livePath: string };
  /** What is stored, and entered in the vault, is under these; every lease is granted, and nothing fenced, without them. */
  readonly leases?: Leases;
}

/** Everything that a pool told about one account, oldest first. */
class AccountRecord {
  readonly states: StateChange[] = [];
  readonly qrs: (string | null)[] = [];
  readonly pairingCodes: (string | null)[] = [];
  readonly alerts: SessionAlert[] = [];
  readonly events: InboundEvent[] = [];
  readonly connections: { session: ConnectedSession; signal: AbortSignal }[] = [];
}

/**
 * A pool of sessions with the real account store, a real database and real Chromium, in the simulated WhatsApp; no
 * daemon around it. What it tells is kept by account, and can be waited for.
 */
export class PoolStage implements AsyncDisposable {
  readonly simulator: Simulator;
  readonly world: WorldClient;
  readonly store: AccountStore;
  readonly db: Executor;
  readonly connection: TestDatabase['connection'];
  readonly livePath: string;
  readonly vaultPath: string;
  readonly log: RecordingLogger = new TellingLogger(() => this.#tell());
  readonly #open: (settings: PoolStageSettings) => Promise<Pool>;
  readonly #insert: (id: AccountId, options: NewStageAccount) => Promise<void>;
  readonly #records = new Map<string, AccountRecord>();
  readonly #told = new EventEmitter();
  readonly #settings: PoolStageSettings;
  #pool: Pool | undefined;
  #resources = new AsyncDisposableStack();

  private constructor(
    settings: PoolStageSettings,
    parts: {
      simulator: Simulator;
      livePath: string;
      vaultPath: string;
      db: Executor;
      connection: TestDatabase['connection'];
    },
  ) {
    this.#settings = settings;
    this.simulator = parts.simulator;
    this.world = parts.simulator.world;
    this.livePath = parts.livePath;
    this.vaultPath = parts.vaultPath;
    this.db = parts.db;
    this.connection = parts.connection;
    this.#told.setMaxListeners(0);
    const store = makeAccountStore(parts.db);
    this.store = this.#observe(store);
    this.#insert = (id, { expected = null, pairing = 'qr', displayName = null }) =>
      insertAccount(parts.db, {
        id,
        tenantId: DEFAULT_TENANT,
        instanceId: parseInstanceId('test'),
        expectedPhoneNumber: expected,
        pairing,
        displayName,
        dailyLimit: 1_000,
        timezone: 'UTC',
      });
    const keyRing = makeKeyRing({ current: randomBytes(32), previous: [] });
    this.#open = ({ timings, executablePath, maxConnections = 20, instance, leases: given }) => {
      const instanceId = instance?.id ?? parseInstanceId('test');
      const leases = given ?? new GrantedLeases();
      const findLease: FindLease = (id) => leases.find(id);
      const fence = makeLeaseFence(findLease);
      const own = readBrowserConfig();
      const browser = { ...own, executablePath: executablePath ?? own.executablePath };
      return openPool({
        runtimePath: instance?.livePath ?? this.livePath,
        formerPaths: [],
        profiles: new ProfileKeeper({
          runtimePath: instance?.livePath ?? this.livePath,
          vault: new Vault({
            folder: new VaultFolder(parts.vaultPath, () => undefined),
            keyRing,
            index: makeSnapshotIndex(parts.db, instanceId, given && findLease),
            backups: [makeDatabaseBackup(parts.db)],
            clock: systemClock,
            log: this.log,
            onStep: () => undefined,
          }),
          timings: { ...SHORT_TIMINGS, ...timings },
          clock: systemClock,
          log: this.log,
          findLease,
          hasOthers: () => false,
          onRestored: async () => undefined,
          onStep: () => undefined,
        }),
        config: {
          browser: { ...browser, extraArgs: this.simulator.chromeArgs },
          whatsapp: {
            maxConnections,
            messageRateLimit: 0,
            dailyLimit: 1_000,
            timezone: 'UTC',
            pacing: { warmup: false, jitter: false, breaker: false },
          },
        },
        browser: getBrowser(browser),
        instanceId,
        leases,
        store: given === undefined ? this.store : this.#observe(makeAccountStore(parts.db, { fence })),
        listener: this.#listen(),
        clock: systemClock,
        log: this.log,
        guard: noGuard,
        isRoot: process.getuid?.() === 0,
        environment: process.env,
        timings: { ...SHORT_TIMINGS, ...timings },
      });
    };
  }

  static async open(settings: PoolStageSettings = {}): Promise<PoolStage> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await openTemporaryFolder());
    const simulator = stack.use(await startSimulator());
    const database = stack.use(await openTestDatabase());
    const stage: PoolStage = new PoolStage(settings, {
      simulator,
      livePath: await makePrivateFolder(join(folder.path, 'live')),
      vaultPath: await makePrivateFolder(join(folder.path, 'sessions')),
      connection: database.connection,
      db: stack.use(openDatabase({ connection: database.connection, log: new RecordingLogger() })).db,
    });
    await stage.reopen();
    stack.defer(() => stage.pool[Symbol.asyncDispose]());
    stage.#resources = stack.move();
    return stage;
  }

  get pool(): Pool {
    if (!this.#pool) throw new Error('The stage has no pool.');
    return this.#pool;
  }

  /** Closes the pool, if there is one, and opens another over the same store and profiles, as a new daemon would. */
  async reopen(settings: PoolStageSettings = {}): Promise<void> {
    await this.#pool?.[Symbol.asyncDispose]();
    this.#pool = await this.#open({ ...this.#settings, ...settings });
  }

  /** Opens another pool while the one before still runs: whoever calls it closes that one. */
  async replace(settings: PoolStageSettings = {}): Promise<void> {
    this.#pool = await this.#open({ ...this.#settings, ...settings });
  }

  of(accountId: AccountId): AccountRecord {
    const record = this.#records.get(accountId) ?? new AccountRecord();
    this.#records.set(accountId, record);
    return record;
  }

  async create(options: NewStageAccount = {}): Promise<AccountId> {
    const id = makeAccountId();
    await this.#insert(id, options);
    return id;
  }

  /** A new account that is linked with the phone and connected. */
  async link(phone: Phone): Promise<AccountId> {
    const accountId = await this.create();
    await this.pool.start(accountId);
    await this.scan(accountId, phone);
    await this.connected(accountId);
    // The browser stands still for it, and goes on: nothing else that a test does to it may fall into that.
    await this.until('a first snapshot', () => this.#isSealed(accountId) || undefined);
    return accountId;
  }

  async scan(accountId: AccountId, phone: Phone): Promise<void> {
    await phone.scan(await this.qr(accountId));
  }

  /** The QR that is shown, or the next one. */
  qr(accountId: AccountId): Promise<string> {
    return this.until('a QR code', () => this.of(accountId).qrs.at(-1) ?? undefined);
  }

  /** The `nth` connection of the account, past or to come. */
  connected(accountId: AccountId, nth = 1): Promise<ConnectedSession> {
    return this.until(`connection ${nth}`, () => this.of(accountId).connections[nth - 1]?.session);
  }

  /** Resolves when the account has been in that state for that reason, `times` so often. */
  async reached(
    accountId: AccountId,
    state: SessionState,
    reason: ReasonCode | null,
    times = 1,
  ): Promise<void> {
    const reachedIt = () =>
      this.of(accountId).states.filter((each) => each.state === state && each.reason === reason).length >=
      times;
    await this.until(`${state} for ${reason}`, () => reachedIt() || undefined).catch((error: Error) => {
      throw new Error(`${error.message} Seen: ${JSON.stringify(this.of(accountId).states)}`);
    });
  }

  /** The message of that text, once it was told. */
  received(accountId: AccountId, text: string): Promise<MessageEvent> {
    return this.until(`the message "${text}"`, () =>
      this.messages(accountId).find((each) => each.text === text),
    );
  }

  messages(accountId: AccountId): MessageEvent[] {
    return this.of(accountId).events.filter((event) => event.kind === 'message');
  }

  /** What the pool came to rest at: its browser is gone and its link forgotten or kept. */
  async rested(accountId: AccountId): Promise<Account> {
    await this.until('rest', () => (this.pool.findStatus(accountId) === undefined ? true : undefined));
    return this.store.getAccount(accountId);
  }

  /** Living processes of the account's browser: the browser itself first. */
  browsers(accountId: AccountId): number[] {
    return findBrowserProcesses(this.profilePath(accountId));
  }

  profilePath(accountId: AccountId): string {
    return profilePathOf(this.livePath, accountId);
  }

  #isSealed(accountId: AccountId): boolean {
    return this.log.lines.some(
      ({ message, fields }) => message === 'A running session was sealed' && fields.accountId === accountId,
    );
  }

  hasProfile(accountId: AccountId): boolean {
    return existsSync(this.profilePath(accountId)) || existsSync(join(this.vaultPath, accountId));
  }

  /** Looks again whenever anything is told or stored. */
  async until<T>(what: string, look: () => T | undefined | false): Promise<T> {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const found = look();
      if (found !== undefined && found !== false) return found;
      try {
        await once(this.#told, 'anything', { signal: patience });
      } catch (thrown) {
        if (!patience.aborted) throw thrown;
        const lines = this.log.lines.slice(-12).map((line) => JSON.stringify(line));
        throw new Error(`${what} did not come within ${PATIENCE_MS} ms.\n${lines.join('\n')}\n`);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #tell(): void {
    this.#told.emit('anything');
    // The slot is given back some steps after the last word about an account.
    setTimeout(() => this.#told.emit('anything'), 200).unref();
  }

  #observe(store: AccountStore): AccountStore {
    const after = async (work: Promise<void>, note: () => void): Promise<void> => {
      await work;
      note();
      this.#tell();
    };
    return {
      getAccount: (id) => store.getAccount(id),
      listWanted: (instanceId) => store.listWanted(instanceId),
      saveStarting: (instanceId) => after(store.saveStarting(instanceId), () => undefined),
      saveCutOff: (instanceId) => after(store.saveCutOff(instanceId), () => undefined),
      saveStart: (id, instanceId) =>
        after(store.saveStart(id, instanceId), () =>
          this.of(id).states.push({ state: 'starting', reason: null }),
        ),
      saveRest: (id, rest, signal) =>
        after(store.saveRest(id, rest, signal), () =>
          this.of(id).states.push({ state: REASONS[rest.reason].state, reason: rest.reason }),
        ),
      saveOver: (...args) => after(store.saveOver(...args), () => undefined),
      listOver: (instanceId) => store.listOver(instanceId),
      saveState: (id, change, signal) =>
        after(store.saveState(id, change, signal), () => {
          const { state, reason, attempt } = change;
          this.of(id).states.push({ state, reason, ...(attempt === undefined ? {} : { attempt }) });
        }),
      saveQr: (id, qr, signal) =>
        after(store.saveQr(id, qr, signal), () => this.of(id).qrs.push(qr?.text ?? null)),
      savePairingCode: (id, code, signal) =>
        after(store.savePairingCode(id, code, signal), () =>
          this.of(id).pairingCodes.push(code?.text ?? null),
        ),
      saveAlert: (id, alert, signal) =>
        after(store.saveAlert(id, alert, signal), () => this.of(id).alerts.push(alert)),
      saveLinked: (...args) => after(store.saveLinked(...args), () => undefined),
    };
  }

  #listen(): ChannelListener {
    return {
      onEvents: (accountId, events) => {
        this.of(accountId).events.push(...events);
        this.#tell();
      },
      onConnected: (session, signal) => {
        this.of(session.accountId).connections.push({ session, signal });
        this.#tell();
      },
    };
  }
}
