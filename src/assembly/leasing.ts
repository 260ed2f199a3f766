import { RUN_MARK } from '../channels/whatsapp-web/browser.ts';
import { type BrowserGuard, openGuard } from '../channels/whatsapp-web/guard.ts';
import { endBrowsersOf, hasBrowsersOf } from '../channels/whatsapp-web/orphan-browsers.ts';
import type { Config } from '../config/config.ts';
import { type LeaseFence, makeLeaseFence } from '../db/lease-fence.ts';
import { ensureFolderId } from '../embedded/folder-id.ts';
import { readHostProcess } from '../instances/host-process.ts';
import type { FindLease } from '../instances/lease.ts';
import { type LeaseKeeper, openLeaseKeeper } from '../instances/lease-keeper.ts';
import type { Logger } from '../lib/logger.ts';
import type { AppEdge } from './edge.ts';
import type { Foundation } from './foundation.ts';
import type { Stores } from './stores.ts';

export interface LeasingParts {
  readonly config: Config;
  readonly edge: AppEdge;
  readonly log: Logger;
  readonly foundation: Foundation;
  readonly stores: Stores;
}

/** What this instance may do with accounts, and until when. */
export interface Leasing extends AsyncDisposable {
  readonly guard: BrowserGuard;
  readonly leases: LeaseKeeper;
  readonly findLease: FindLease;
  /** Lets what is written for an account pass under its lease alone. */
  readonly fence: LeaseFence;
}

/** The guard comes first: it ends browsers that outlive their lease, also should this process be killed, and closes last. */
export async function openLeasing({ config, edge, log, foundation, stores }: LeasingParts): Promise<Leasing> {
  await using stack = new AsyncDisposableStack();
  const guard = stack.use(await openGuard({ mark: RUN_MARK, path: edge.env.PATH, log }));
  const leases = stack.use(
    await openLeaseKeeper({
      db: stores.db,
      connection: stores.connection,
      instanceId: foundation.instanceId,
      capacity: config.whatsapp.maxConnections,
      exclusive: config.database.kind === 'embedded',
      guard,
      endBrowsers: (over) => endBrowsersOf(over, log),
      hasBrowsers: (accountIds) => hasBrowsersOf(foundation.instanceId, accountIds),
      host: readHostProcess(await ensureFolderId(foundation.dataPath)),
      clock: edge.clock,
      log,
      signal: edge.signal,
    }),
  );
  const findLease: FindLease = (accountId) => leases.find(accountId);

  const opened = stack.move();
  return {
    guard,
    leases,
    findLease,
    fence: makeLeaseFence(findLease),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
