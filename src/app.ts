import { openAnnouncer } from './accounts/announcer.ts';
import { type InstanceId, parseInstanceId } from './accounts/ids.ts';
import { measureSessions } from './accounts/session-metrics.ts';
import type { ChannelListener } from './channels/channel.ts';
import { findBrowser, RUN_MARK } from './channels/whatsapp-web/browser.ts';
import { openGuard } from './channels/whatsapp-web/guard.ts';
import { openPool } from './channels/whatsapp-web/pool.ts';
import { removeOrphanProfiles } from './channels/whatsapp-web/profile-clean-up.ts';
import { makeProfileInspection } from './channels/whatsapp-web/profile-inspection.ts';
import { ProfileKeeper } from './channels/whatsapp-web/profile-keeper.ts';
import { openRuntimeFolder, type RuntimeFolder } from './channels/whatsapp-web/runtime-folder.ts';
import { addressToUrl } from './cli/daemon-address.ts';
import { welcome } from './cli/first-account.ts';
import { makeLinkTeller } from './cli/link-teller.ts';
import { makeTerminalQrView } from './cli/qr-view.ts';
import { openUrlFile } from './cli/url-file.ts';
import { childEnvironment } from './config/child-environment.ts';
import type { Config } from './config/config.ts';
import { ensureInstanceId } from './config/instance-id.ts';
import { ensureEncryptionKey } from './config/made-encryption-key.ts';
import { DEFAULT_TIMINGS } from './config/session-timings.ts';
import { ensureWritableFolder } from './config/writable-folder.ts';
import { countAccountsByState, findHeldAccounts } from './db/account-directory.ts';
import { findKeptAccounts } from './db/account-removal.ts';
import { makeAccountStore } from './db/account-store.ts';
import { type Executor, type OpenDatabase, openDatabase, pingDatabase } from './db/database.ts';
import {
  adoptAbandonedAccounts,
  hasOtherInstances,
  isInstanceGone,
  openInstancePresence,
  type PresenceOptions,
} from './db/instance-presence.ts';
import { migrateToLatest } from './db/migrator.ts';
import { ensurePartitions, MONTHS_AHEAD } from './db/partitions.ts';
import { makeDatabaseBackup } from './db/snapshot-chunk-store.ts';
import { makeSnapshotIndex } from './db/snapshot-store.ts';
import { removeAbandonedFolders } from './embedded/abandoned-folders.ts';
import { openDataFolder } from './embedded/data-folder.ts';
import { openEmbeddedPostgres } from './embedded/postgres.ts';
import { openEmbeddedRedis } from './embedded/redis.ts';
import { openSocketFolder } from './embedded/socket-folder.ts';
import { ensureOwnerKey } from './http/owner-key.ts';
import { openHttpServer } from './http/server.ts';
import { abortedAfter, orAborted } from './lib/abort.ts';
import type { Clock } from './lib/clock.ts';
import { AppError, toError } from './lib/errors.ts';
import type { Logger } from './lib/logger.ts';
import { makeDayTurn } from './messages/day-turn.ts';
import { openMediaStore } from './messages/media-store.ts';
import { openPipeline } from './messages/pipeline.ts';
import { openEventLoopWatch } from './observability/event-loop.ts';
import { type OpenLogger, openLogger } from './observability/logger.ts';
import { Metrics } from './observability/metrics.ts';
import { makeBoard } from './queue/board.ts';
import { type OpenRedis, openRedis, type RedisLocation } from './queue/connection.ts';
import { openQueues } from './queue/producer.ts';
import { makeCronTable } from './schedule/cron-table.ts';
import { openSchedule } from './schedule/schedule.ts';
import { type KeyRing, makeKeyRing } from './vault/key-ring.ts';
import { makeS3Backup } from './vault/s3-backup.ts';
import { Vault, type VaultDeps } from './vault/vault.ts';
import { VaultFolder } from './vault/vault-folder.ts';
import type { VaultStep } from './vault/vault-step.ts';
import { makeVaultUpkeep } from './vault/vault-upkeep.ts';

/** What the process edge gives: nothing below looks at the process itself. */
export interface AppEdge {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly isRoot: boolean;
  /** A person sits at the terminal and can scan what is drawn there. */
  readonly isTerminal: boolean;
  /** How the command line of this daemon is called, for what is printed about it. */
  readonly cli: string;
  write(text: string): void;
  /** Aborts when the daemon is asked to stop, also while it still starts. */
  readonly signal: AbortSignal;
}

/** A running daemon. Disposing drains it: HTTP first, then the browsers, the pipeline, the stores. */
export interface App extends AsyncDisposable {
  readonly log: Logger;
  readonly url: string;
}

/**
 * Opens everything in order; if one part fails, those before it are closed again and its error is thrown, and stands in the
 * log's files for whoever looks there.
 */
export async function openApp(config: Config, edge: AppEdge): Promise<App> {
  await using stack = new AsyncDisposableStack();
  const log = stack.use(await openLogger(config.log));
  try {
    const parts = stack.use(await openParts(config, { edge, log }));
    const opened = stack.move();
    return { log, url: parts.url, [Symbol.asyncDispose]: () => opened.disposeAsync() };
  } catch (thrown) {
    if (!edge.signal.aborted) tellFailedStart(log, toError(thrown));
    throw thrown;
  }
}

/** All that the log is told about. */
async function openParts(
  config: Config,
  { edge, log }: { readonly edge: AppEdge; readonly log: Logger },
): Promise<AsyncDisposable & { readonly url: string }> {
  await using stack = new AsyncDisposableStack();
  const { clock, signal } = edge;
  stack.use(openEventLoopWatch({ log, clock }));
  const browser = findBrowser(config.browser);
  const folder = stack.use(await openDataFolder(config.dataPath));
  await removeAbandonedFolders(log);
  await ensureWritableFolder('MEDIA_PATH', config.mediaPath);
  await ensureWritableFolder('WHATSAPP_SESSION_PATH', config.sessionPath);
  const runtime = stack.use(
    await openRuntimeFolder({
      configured: config.runtimePath,
      dataPath: folder.path,
      maxSessions: config.whatsapp.maxConnections,
      log,
    }),
  );
  const { keyRing, madeAt } = await openKeyRing(config.encryption, folder.path);
  stack.use(keyRing);
  const instanceId = parseInstanceId(await ensureInstanceId(config.instanceId, folder.path));

  const stores = stack.use(await openStores(config, { log, edge, dataPath: folder.path }));
  const { db, redis } = stores;
  stack.use(await openInstancePresence({ connection: stores.connection, instanceId, log }));
  for (const { from, accounts } of await adoptAbandonedAccounts(db, instanceId, { signal })) {
    log.info('Accounts of an instance that is gone were taken over', { from, accounts });
  }
  const queues = stack.use(await openQueues({ redis, instanceId, log }));
  const store = stack.use(await openMediaStore({ path: config.mediaPath, log }));
  const announcer = stack.use(
    await openAnnouncer({
      db,
      // Asked only once a session has told something.
      findStatus: (accountId) => pool.findStatus(accountId),
      timings: DEFAULT_TIMINGS,
      clock,
      log,
    }),
  );
  const pipeline = stack.use(
    await openPipeline({
      database: stores.database,
      redis,
      queues,
      store,
      instanceId,
      messageRateLimit: config.whatsapp.messageRateLimit,
      pacing: config.whatsapp.pacing,
      onCounted: (accountId) => announcer.reviewHealth(accountId),
      clock,
      log,
      onStep: (step) => log.debug('A step of a message was done', { step }),
    }),
  );

  const metrics = new Metrics();
  metrics.addProcess();
  const accounts = makeAccountStore(
    db,
    measureSessions(metrics, () => countAccountsByState(db, instanceId)),
  );
  const teller = makeLinkTeller({
    view: makeTerminalQrView({ write: edge.write, isTty: edge.isTerminal }),
    cli: edge.cli,
    write: edge.write,
    getAccount: accounts.getAccount,
    log,
  });
  const listener: ChannelListener = {
    onEvents: pipeline.accept,
    whenRoom: pipeline.whenRoom,
    onGap: pipeline.hearGap,
    onConnected: pipeline.serve,
    onQr: (account, qr) => {
      teller.onQr(account, qr);
      announcer.onQr(account, qr);
    },
    onPairingCode: (account, code) => {
      teller.onPairingCode(account, code);
      announcer.onPairingCode(account, code);
    },
    onState: (accountId, change) => {
      teller.onState(accountId, change);
      announcer.onState(accountId, change);
    },
    onAlert: announcer.onAlert,
  };
  const vaultDeps = makeVaultDeps(config, { db, instanceId, keyRing, clock, log, signal });
  const vault = new Vault(vaultDeps);
  const profiles = new ProfileKeeper({
    runtimePath: runtime.path,
    vault,
    timings: DEFAULT_TIMINGS,
    clock,
    log,
    hasOthers: () => hasOtherInstances(db, instanceId),
    onStep: (step) => log.debug('A step of the vault was done', { step }),
  });
  const temporary = stack.use(await openSocketFolder(folder.path, 'browsers'));
  const guard = stack.use(await openGuard({ mark: RUN_MARK, path: edge.env.PATH, log }));
  const pool = stack.use(
    await openPool({
      config,
      runtimePath: runtime.path,
      formerPaths: runtime.formerPaths,
      profiles,
      browser,
      instanceId,
      isInstanceGone: (id) => isInstanceGone(db, id, { signal }),
      store: accounts,
      listener,
      clock,
      log,
      onSurvivors: () => guard.withholdGoodbye(),
      isRoot: edge.isRoot,
      environment: { ...childEnvironment(edge.env), TMPDIR: temporary.path },
    }),
  );
  const inspection = makeProfileInspection(runtime.path);
  const cronTable = makeCronTable({
    db,
    clock,
    removeOrphanProfiles: () =>
      removeOrphanProfiles(runtime.path, { clock, log, isKept: (ids) => findKeptAccounts(db, ids) }),
    finishWipes: () => vault.finishWipes(),
    catchUpVaults: () =>
      vault.catchUp(async (ids) => {
        const held = await findHeldAccounts(db, instanceId, ids);
        return new Set(held.filter((id) => pool.findStatus(id) === undefined));
      }, signal),
    removeCutOffVaults: () => vault.tidy(),
    removeOrphanVaults: () => vault.removeOrphans((ids) => findKeptAccounts(db, ids)),
    reviewHealth: () => announcer.reviewUnhealthy(),
    turnDays: makeDayTurn({
      db,
      instanceId,
      clock,
      log,
      onTurned: (accountId) => {
        pipeline.outbox.wake(accountId);
        announcer.reviewHealth(accountId);
      },
    }),
  });
  stack.use(openSchedule(cronTable, log));

  await ensureOwnerKey({ db, configured: config.ownerApiKey, dataPath: folder.path });
  const http = stack.use(
    await openHttpServer(
      {
        config: config.http,
        accountDefaults: config.whatsapp,
        instanceId,
        db,
        channel: pool,
        outbox: pipeline.outbox,
        uploads: pipeline.intake,
        media: store,
        vault: {
          ...makeVaultUpkeep({ ...vaultDeps, vault, inspection }),
          findNewest: (id) => vault.findNewest(id),
        },
        board: makeBoard(queues),
        metrics,
        announcements: announcer,
        checks: {
          database: () => pingDatabase(db, READINESS_DEADLINE_MS),
          queue: () => redis.ping(READINESS_DEADLINE_MS),
        },
        clock,
        log,
      },
      { signal },
    ),
  );
  stack.use(await openUrlFile(folder.path, addressToUrl(http.host, http.port)));
  signal.throwIfAborted();
  await pool.restore();
  warnOfWeakPlaces(log, { runtime, keyRing, madeAt });
  log.info('Switchboard is ready', { url: http.url, instanceId, dataPath: folder.path });
  await welcome({
    defaults: config.whatsapp,
    db,
    channel: pool,
    instanceId,
    isTerminal: edge.isTerminal,
    cli: edge.cli,
    write: edge.write,
  });

  const opened = stack.move();
  return { url: http.url, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** The terminal is told by whoever started it. */
function tellFailedStart(log: OpenLogger, error: Error): void {
  const isOurs = error instanceof AppError;
  log.errorToFiles('Switchboard cannot start', {
    error: error.message,
    ...(isOurs ? { code: error.code, details: error.details } : { stack: error.stack }),
  });
}

/** How long copies in S3 may take once the daemon is asked to stop: disk and database have the session by then. */
const S3_STOP_DEADLINE_MS = 10_000;

/** A store that does not answer `GET /ready` within this is as good as away. */
const READINESS_DEADLINE_MS = 2_000;

/** A database over the network may take a moment for the first connection. */
const START_DEADLINE_MS = 10_000;

interface Stores extends AsyncDisposable {
  readonly db: Executor;
  readonly database: OpenDatabase;
  readonly redis: OpenRedis;
  /** Of the database, for what needs one of its own. */
  readonly connection: PresenceOptions['connection'];
}

/** The database, migrated, and Redis: brought up here, or those that were given. Both ways run the same code. */
async function openStores(
  config: Config,
  { log, edge, dataPath }: { readonly log: Logger; readonly edge: AppEdge; readonly dataPath: string },
): Promise<Stores> {
  await using stack = new AsyncDisposableStack();
  const { env, signal } = edge;
  const embedded = { dataPath, log, env };
  const connection =
    config.database.kind === 'given'
      ? { connectionString: config.database.url }
      : stack.use(await openEmbeddedPostgres(embedded, { signal })).connection;
  const location: RedisLocation =
    config.redis.kind === 'given'
      ? { urls: config.redis.urls }
      : stack.use(await openEmbeddedRedis(embedded, { signal })).connection;
  // Without a limit a server that takes connections and says nothing would hold them, and our end, for ever.
  const limited = { ...connection, connectionTimeoutMillis: START_DEADLINE_MS };
  const database = stack.use(openDatabase({ connection: limited, log }));
  const { db } = database;
  await orAborted(pingDatabase(db, START_DEADLINE_MS), signal);
  await migrateToLatest(db);
  await createPartitions(db, { log, clock: edge.clock });
  const redis = stack.use(await openRedis({ location, log }));
  signal.throwIfAborted();
  const opened = stack.move();
  return { db, database, redis, connection: limited, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Nothing stands still without them, so a table that is in use, by a dump of the database say, stops no start. */
async function createPartitions(
  db: Executor,
  { log, clock }: { readonly log: Logger; readonly clock: Clock },
): Promise<void> {
  try {
    await ensurePartitions(db, new Date(clock.now()), MONTHS_AHEAD);
  } catch (thrown) {
    log.warn('The partitions of messages could not be created; it is tried again every day', {
      error: toError(thrown).message,
    });
  }
}

/**
 * The keys that open and seal sessions: ENCRYPTION_KEY and its predecessors, else the one that was made on the first
 * start. Disposing forgets them.
 */
async function openKeyRing(
  { key, previous }: Config['encryption'],
  dataPath: string,
): Promise<{ readonly keyRing: KeyRing; readonly madeAt: string | null }> {
  const made = key === null ? await ensureEncryptionKey(dataPath) : undefined;
  const current = key ?? made?.key;
  if (current === undefined) throw new Error('There is no encryption key.');
  try {
    return { keyRing: makeKeyRing({ current, previous }), madeAt: made?.path ?? null };
  } finally {
    for (const used of [current, ...previous]) used.fill(0);
  }
}

/** What a daemon that works should be told of all the same. */
function warnOfWeakPlaces(
  log: Logger,
  { runtime, keyRing, madeAt }: { runtime: RuntimeFolder; keyRing: KeyRing; madeAt: string | null },
): void {
  if (!runtime.isInMemory) {
    log.warn('Opened sessions lie on a disk while they run', {
      runtimePath: runtime.path,
      remedy: 'Set WHATSAPP_RUNTIME_PATH to a folder in memory (tmpfs) with room for every session.',
    });
  }
  if (madeAt !== null) {
    log.warn('The encryption key lies on the same disk as what it seals', {
      path: madeAt,
      keyId: keyRing.currentKeyId,
      remedy:
        'Set ENCRYPTION_KEY to one kept elsewhere and ENCRYPTION_KEY_PREVIOUS to this one, start again, then: npm run cli -- vault rotate',
    });
  }
}

function makeVaultDeps(
  config: Config,
  deps: {
    db: Executor;
    instanceId: InstanceId;
    keyRing: KeyRing;
    clock: Clock;
    log: Logger;
    signal: AbortSignal;
  },
): VaultDeps {
  const { db, instanceId, keyRing, clock, log, signal } = deps;
  const onStep = (step: VaultStep) => log.debug('A step of the vault was done', { step });
  return {
    folder: new VaultFolder(config.sessionPath, onStep),
    keyRing,
    index: makeSnapshotIndex(db, instanceId),
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
