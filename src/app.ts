import { openAnnouncer } from './accounts/announcer.ts';
import { parseInstanceId } from './accounts/ids.ts';
import type { AppEdge } from './assembly/edge.ts';
import { measureDaemon } from './assembly/measuring.ts';
import { openMedia } from './assembly/media.ts';
import { makeVaultDeps, openKeyRing, settleAfterLapse } from './assembly/sealing.ts';
import { openSessions } from './assembly/sessions.ts';
import { openStores } from './assembly/stores.ts';
import { warnOfWeakPlaces } from './assembly/weak-places.ts';
import { makeWebhookFanOut } from './assembly/webhooks.ts';
import { findBrowser, RUN_MARK } from './channels/whatsapp-web/browser.ts';
import { readBrowserMemory } from './channels/whatsapp-web/browser-memory.ts';
import { openGuard } from './channels/whatsapp-web/guard.ts';
import { endBrowsersOf, hasBrowsersOf } from './channels/whatsapp-web/orphan-browsers.ts';
import type { Pool } from './channels/whatsapp-web/pool.ts';
import { removeOrphanProfiles } from './channels/whatsapp-web/profile-clean-up.ts';
import { makeProfileInspection } from './channels/whatsapp-web/profile-inspection.ts';
import { openRuntimeFolder } from './channels/whatsapp-web/runtime-folder.ts';
import { addressToUrl } from './cli/daemon-address.ts';
import { welcome } from './cli/first-account.ts';
import { openUrlFile } from './cli/url-file.ts';
import type { Config } from './config/config.ts';
import { ensureInstanceId } from './config/instance-id.ts';
import { DEFAULT_TIMINGS } from './config/session-timings.ts';
import { ensureWritableFolder } from './config/writable-folder.ts';
import { openAccessWatch } from './db/access-watch.ts';
import { countAccountsByState } from './db/account-directory.ts';
import { findKeptAccounts } from './db/account-removal.ts';
import { makeAccountStore } from './db/account-store.ts';
import { pingDatabase } from './db/database.ts';
import { countWaitingMessages, findSealedSince, listHealthFacts } from './db/figure-store.ts';
import { countInstances } from './db/instance-directory.ts';
import { makeLeaseFence } from './db/lease-fence.ts';
import { readWebhookFigures } from './db/webhook-figures.ts';
import { removeAbandonedFolders } from './embedded/abandoned-folders.ts';
import { openDataFolder } from './embedded/data-folder.ts';
import { ensureFolderId } from './embedded/folder-id.ts';
import { ensureOwnerKey } from './http/owner-key.ts';
import { openHttpServer } from './http/server.ts';
import { readHostProcess } from './instances/host-process.ts';
import type { FindLease } from './instances/lease.ts';
import { type LeaseKeeper, openLeaseKeeper } from './instances/lease-keeper.ts';
import { openTakingUp } from './instances/taking-up.ts';
import { AppError, toError } from './lib/errors.ts';
import type { Logger } from './lib/logger.ts';
import { openChangeFeed } from './messages/change-feed.ts';
import { makeDayTurn } from './messages/day-turn.ts';
import { removeUnreferredMedia } from './messages/media-clean-up.ts';
import { openPipeline } from './messages/pipeline.ts';
import { openEventLoopWatch } from './observability/event-loop.ts';
import { type OpenLogger, openLogger } from './observability/logger.ts';
import { Metrics } from './observability/metrics.ts';
import { makeBoard } from './queue/board.ts';
import { openEventStream } from './queue/event-stream.ts';
import { openQueues } from './queue/producer.ts';
import { makeSharedCalls } from './queue/rate-limit-calls.ts';
import { makeCronTable } from './schedule/cron-table.ts';
import { openSchedule } from './schedule/schedule.ts';
import { Vault } from './vault/vault.ts';
import { makeVaultUpkeep } from './vault/vault-upkeep.ts';
import { openWebhooks } from './webhooks/webhooks.ts';

/** A store that does not answer `GET /ready` within this is as good as away. */
const READINESS_DEADLINE_MS = 2_000;

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
  await ensureWritableFolder('MEDIA_PATH', config.media.path);
  await ensureWritableFolder('WHATSAPP_SESSION_PATH', config.sessionPath);
  const runtime = stack.use(
    await openRuntimeFolder({
      configured: config.runtimePath,
      dataPath: folder.path,
      maxSessions: config.whatsapp.maxConnections,
      log,
    }),
  );
  const keys = await openKeyRing(config.encryption, folder.path);
  const keyRing = stack.use(keys.keyRing);
  const instanceId = parseInstanceId(await ensureInstanceId(config.instanceId, folder.path));

  const stores = stack.use(await openStores(config, { log, edge, dataPath: folder.path }));
  const { db, redis } = stores;
  const guard = stack.use(await openGuard({ mark: RUN_MARK, path: edge.env.PATH, log }));
  const leases = stack.use(
    await openLeaseKeeper({
      db,
      connection: stores.connection,
      instanceId,
      capacity: config.whatsapp.maxConnections,
      exclusive: config.database.kind === 'embedded',
      guard,
      endBrowsers: (over) => endBrowsersOf(over, log),
      hasBrowsers: (accountIds) => hasBrowsersOf(instanceId, accountIds),
      host: readHostProcess(await ensureFolderId(folder.path)),
      clock,
      log,
      signal,
    }),
  );
  const findLease: FindLease = (accountId) => leases.find(accountId);
  const fence = makeLeaseFence(findLease);
  const queues = stack.use(await openQueues({ redis, instanceId, log }));
  const events = stack.use(await openEventStream({ redis, name: 'realtime', log }));
  const fanOut = makeWebhookFanOut(clock);
  const feed = stack.use(
    openChangeFeed({ db, connection: stores.connection, subscriptions: fanOut, clock, log }),
  );
  const store = stack.use(await openMedia(config.media, { db, log, signal }));
  // No session has one before there is a pool.
  let findStatus: Pool['findStatus'] = () => undefined;
  const announcer = stack.use(
    await openAnnouncer({
      db,
      findStatus: (accountId) => findStatus(accountId),
      timings: DEFAULT_TIMINGS,
      clock,
      log,
    }),
  );
  const metrics = new Metrics();
  const measured = measureDaemon(metrics, {
    states: () => countAccountsByState(db, instanceId),
    health: () => listHealthFacts(db, instanceId),
    failures: (accountId) => pool.findStatus(accountId)?.reconnect?.failures ?? 0,
    waiting: () => countWaitingMessages(db, instanceId),
    sealedSince: () => findSealedSince(db, instanceId),
    jobs: (queue) => queues.counts(queue),
    webhooks: () => readWebhookFigures(db),
    browsers: () => readBrowserMemory(instanceId),
    instances: () => countInstances(db),
    leases,
    clock,
  });
  const webhooks = stack.use(
    await openWebhooks({
      db,
      redis,
      queues,
      fanOut,
      keyRing,
      instanceId,
      endpoint: config.webhooks,
      clock,
      log,
      onOutcome: measured.webhooks,
    }),
  );
  const pipeline = stack.use(
    await openPipeline({
      database: stores.database,
      redis,
      queues,
      store,
      instanceId,
      fence,
      findRun: () => leases.run,
      isHeldHere: (accountId) => leases.find(accountId) !== undefined,
      messageRateLimit: config.whatsapp.messageRateLimit,
      pacing: config.whatsapp.pacing,
      onCounted: (accountId) => announcer.reviewHealth(accountId),
      clock,
      log,
      onStep: (step) => log.debug('A step of a message was done', { step }),
      meter: measured.messages,
    }),
  );

  const accounts = makeAccountStore(db, { history: measured.sessions, fence });
  const vaultDeps = {
    ...makeVaultDeps(config, { db, instanceId, findLease, keyRing, clock, log, signal }),
    onOutcome: measured.snapshot,
  };
  const vault = new Vault(vaultDeps);
  const sessions = stack.use(
    await openSessions({
      config,
      edge,
      log,
      db,
      connection: stores.connection,
      instanceId,
      leases,
      fence,
      guard,
      accounts,
      browser,
      runtime,
      dataPath: folder.path,
      vault,
      pipeline,
      announcer,
      onSealFailed: () => measured.snapshot('seal_failed'),
    }),
  );
  const { pool, channel } = sessions;
  findStatus = (accountId) => pool.findStatus(accountId);
  const inspection = makeProfileInspection(runtime.path, DEFAULT_TIMINGS);
  const catchUpVaults = () =>
    vault.catchUp(async (ids) => {
      const kept = await findKeptAccounts(db, ids);
      return new Set([...kept].filter((id) => pool.findStatus(id) === undefined));
    }, signal);
  leases.onTick(() => void pipeline.hearMoves());
  leases.onLapse(() => void stores.database.cutWaiting());
  leases.onRun(() => void settleAfterLapse(catchUpVaults, log));
  const cronTable = makeCronTable({
    db,
    clock,
    removeOrphanProfiles: () =>
      removeOrphanProfiles(runtime.path, { clock, log, isKept: (ids) => findKeptAccounts(db, ids) }),
    finishWipes: () => vault.finishWipes(),
    catchUpVaults,
    removeCutOffVaults: () => vault.tidy(),
    removeOrphanVaults: () => vault.removeOrphans((ids) => findKeptAccounts(db, ids)),
    removeUnreferredMedia: () =>
      removeUnreferredMedia({ db, remove: (hash, since) => store.removeUntouched(hash, since) }, clock.now()),
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

  await ensureOwnerKey({ db, configured: config.ownerApiKey, dataPath: folder.path, instanceId });
  const accessChanges = stack.use(await openAccessWatch({ connection: stores.connection, log }));
  const http = stack.use(
    await openHttpServer(
      {
        config: config.http,
        accountDefaults: config.whatsapp,
        messageRateLimit: config.whatsapp.messageRateLimit,
        instanceId,
        db,
        channel,
        outbox: pipeline.outbox,
        campaigns: pipeline.campaigns,
        uploads: pipeline.intake,
        media: store,
        vault: {
          ...makeVaultUpkeep({ ...vaultDeps, vault, inspection }),
          findNewest: (id) => vault.findNewest(id),
        },
        board: makeBoard(queues),
        metrics,
        onAnswered: measured.requests,
        sharedCalls: makeSharedCalls(redis),
        announcements: announcer,
        webhooks,
        accessChanges,
        feed,
        events,
        keyRing,
        checks: {
          database: () => pingDatabase(db, READINESS_DEADLINE_MS),
          queue: () => redis.ping(READINESS_DEADLINE_MS),
          lease: async () => requireRun(leases),
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
  stack.use(openTakingUp({ leases, takeUp: (accountIds) => pool.takeUp(accountIds), log }));
  warnOfWeakPlaces(log, { runtime, keys });
  log.info('Switchboard is ready', { url: http.url, instanceId, dataPath: folder.path });
  await welcome({
    defaults: config.whatsapp,
    db,
    channel,
    instanceId,
    isTerminal: edge.isTerminal,
    cli: edge.cli,
    write: edge.write,
  });

  const opened = stack.move();
  return { url: http.url, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** @throws AppError UNAVAILABLE while the instance may run no session */
function requireRun({ run }: Pick<LeaseKeeper, 'run'>): void {
  if (run === undefined) throw new AppError('UNAVAILABLE', { message: 'The lease of this instance lapsed.' });
}

/** The terminal is told by whoever started it. */
function tellFailedStart(log: OpenLogger, error: Error): void {
  const isOurs = error instanceof AppError;
  log.errorToFiles('Switchboard cannot start', {
    error: error.message,
    ...(isOurs ? { code: error.code, details: error.details } : { stack: error.stack }),
  });
}
