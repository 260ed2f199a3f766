import type { AppEdge } from './assembly/edge.ts';
import { openFoundation } from './assembly/foundation.ts';
import { openLeasing } from './assembly/leasing.ts';
import { openMessaging } from './assembly/messaging.ts';
import { makeVaultDeps } from './assembly/sealing.ts';
import { openServing } from './assembly/serving.ts';
import { openSessions } from './assembly/sessions.ts';
import { openStores } from './assembly/stores.ts';
import { openUpkeep } from './assembly/upkeep.ts';
import { warnOfWeakPlaces } from './assembly/weak-places.ts';
import type { Pool } from './channels/whatsapp-web/pool.ts';
import { welcome } from './cli/first-account.ts';
import type { Config } from './config/config.ts';
import { openTakingUp } from './instances/taking-up.ts';
import { AppError, toError } from './lib/errors.ts';
import type { Logger } from './lib/logger.ts';
import { openEventLoopWatch } from './observability/event-loop.ts';
import { type OpenLogger, openLogger } from './observability/logger.ts';
import { Vault } from './vault/vault.ts';

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

/**
 * All that the log is told about. Whatever uses another part is opened after it and closed before it: the sessions behind what
 * their messages go into, the API behind all that it answers of. Accounts are started once it answers, and the person at the
 * terminal comes last.
 */
async function openParts(
  config: Config,
  { edge, log }: { readonly edge: AppEdge; readonly log: Logger },
): Promise<AsyncDisposable & { readonly url: string }> {
  await using stack = new AsyncDisposableStack();
  const { clock, signal } = edge;
  stack.use(openEventLoopWatch({ log, clock }));
  const foundation = stack.use(await openFoundation(config, { log }));
  const { dataPath, runtime, keys, instanceId } = foundation;
  const stores = stack.use(await openStores(config, { log, edge, dataPath }));
  const { db } = stores;
  const ground = { config, edge, log, foundation, stores };
  const leasing = stack.use(await openLeasing(ground));
  const { leases, findLease } = leasing;
  // No session has one before there is a pool.
  let findStatus: Pool['findStatus'] = () => undefined;
  const messaging = stack.use(
    await openMessaging({ ...ground, leasing, findStatus: (accountId) => findStatus(accountId) }),
  );
  const vaultDeps = {
    ...makeVaultDeps(config, { db, instanceId, findLease, keyRing: keys.keyRing, clock, log, signal }),
    onOutcome: messaging.measured.snapshot,
  };
  const vault = new Vault(vaultDeps);
  const sessions = stack.use(await openSessions({ ...ground, leasing, messaging, vault }));
  const { pool, channel } = sessions;
  findStatus = (accountId) => pool.findStatus(accountId);
  stack.use(openUpkeep({ ...ground, leasing, messaging, vault, sessions }));
  const serving = stack.use(await openServing({ ...ground, leasing, messaging, vault, vaultDeps, sessions }));
  signal.throwIfAborted();
  await pool.restore();
  stack.use(openTakingUp({ leases, takeUp: (accountIds) => pool.takeUp(accountIds), log }));
  warnOfWeakPlaces(log, { runtime, keys });
  log.info('Switchboard is ready', { url: serving.url, instanceId, dataPath });
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
  return { url: serving.url, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** The terminal is told by whoever started it. */
function tellFailedStart(log: OpenLogger, error: Error): void {
  const isOurs = error instanceof AppError;
  log.errorToFiles('Switchboard cannot start', {
    error: error.message,
    ...(isOurs ? { code: error.code, details: error.details } : { stack: error.stack }),
  });
}
