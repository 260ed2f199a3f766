import type { AccountStore } from '../accounts/account.ts';
import type { Announcer } from '../accounts/announcer.ts';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import type { Channel, ChannelListener } from '../channels/channel.ts';
import type { Browser } from '../channels/whatsapp-web/browser.ts';
import type { BrowserGuard } from '../channels/whatsapp-web/guard.ts';
import { openPool, type Pool } from '../channels/whatsapp-web/pool.ts';
import { ProfileKeeper } from '../channels/whatsapp-web/profile-keeper.ts';
import type { RuntimeFolder } from '../channels/whatsapp-web/runtime-folder.ts';
import { makeLinkTeller } from '../cli/link-teller.ts';
import { makeTerminalQrView } from '../cli/qr-view.ts';
import { childEnvironment } from '../config/child-environment.ts';
import type { Config } from '../config/config.ts';
import { DEFAULT_TIMINGS } from '../config/session-timings.ts';
import type { Executor } from '../db/database.ts';
import type { LeaseFence } from '../db/lease-fence.ts';
import type { NotificationOptions } from '../db/notification-listener.ts';
import { doubtRestored } from '../db/restored-profile.ts';
import { openSocketFolder } from '../embedded/socket-folder.ts';
import type { LeaseKeeper } from '../instances/lease-keeper.ts';
import { makePerformCall, makeRoutedChannel } from '../instances/routed-channel.ts';
import { openSessionCalls } from '../instances/session-calls.ts';
import type { Logger } from '../lib/logger.ts';
import type { Pipeline } from '../messages/pipeline.ts';
import type { Vault } from '../vault/vault.ts';
import type { AppEdge } from './edge.ts';

export interface SessionParts {
  readonly config: Config;
  readonly edge: AppEdge;
  readonly log: Logger;
  readonly db: Executor;
  /** Of the database. */
  readonly connection: NotificationOptions['connection'];
  readonly instanceId: InstanceId;
  readonly leases: LeaseKeeper;
  readonly fence: LeaseFence;
  readonly guard: BrowserGuard;
  readonly accounts: AccountStore;
  readonly browser: Browser;
  readonly runtime: RuntimeFolder;
  readonly dataPath: string;
  readonly vault: Vault;
  readonly pipeline: Pipeline;
  readonly announcer: Announcer;
  /** Told of each profile that was to be sealed and was not; returns at once. */
  readonly onSealFailed: () => void;
}

export interface OpenSessions extends AsyncDisposable {
  /** The sessions of this instance. */
  readonly pool: Pool;
  /** Those of all instances. */
  readonly channel: Channel;
}

/** The pool of sessions, no account started yet, and who hears of them; a guard outlives it, should it be killed. */
export async function openSessions(parts: SessionParts): Promise<OpenSessions> {
  const { config, edge, log, db, instanceId, leases, guard, accounts, runtime, vault } = parts;
  const { clock } = edge;
  await using stack = new AsyncDisposableStack();
  const profiles = new ProfileKeeper({
    runtimePath: runtime.path,
    vault,
    timings: DEFAULT_TIMINGS,
    clock,
    log,
    findLease: (id) => leases.find(id),
    hasOthers: () => leases.hasOthers(),
    onRestored: (accountId, takenAt) => doubtSent(parts, accountId, takenAt),
    onStep: (step) => log.debug('A step of the vault was done', { step }),
    onSealFailed: parts.onSealFailed,
  });
  const temporary = stack.use(await openSocketFolder(parts.dataPath, 'browsers'));
  const pool = stack.use(
    await openPool({
      config,
      runtimePath: runtime.path,
      formerPaths: runtime.formerPaths,
      profiles,
      browser: parts.browser,
      instanceId,
      leases,
      store: accounts,
      listener: makeListener(parts),
      clock,
      log,
      guard,
      isRoot: edge.isRoot,
      ...edge.sessions,
      environment: { ...childEnvironment(edge.env), TMPDIR: temporary.path },
    }),
  );
  leases.onLapse(() => pool.stopAll());
  leases.onTick(() => void profiles.settle(edge.signal));
  const ownRun = () => leases.run;
  const calls = stack.use(
    await openSessionCalls({
      db,
      connection: parts.connection,
      ownRun,
      perform: makePerformCall({ local: pool, leases, copied: () => profiles.copied() }),
      clock,
      log,
    }),
  );
  leases.onRun(() => calls.look());
  const channel = makeRoutedChannel({ local: pool, leases, calls, ownRun, db });
  const opened = stack.move();
  return { pool, channel, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** What was handed over since the snapshot of a profile was taken is in doubt before that profile is used. */
async function doubtSent(
  { edge, log, db, fence }: SessionParts,
  accountId: AccountId,
  takenAt: Date,
): Promise<void> {
  const count = await doubtRestored(db, accountId, { takenAt, at: new Date(edge.clock.now()), fence });
  if (count > 0)
    log.warn('Whether messages left before the session was restored is not known', { accountId, count });
}

/** Messages go into the pipeline; codes and states to the terminal and to applications. */
function makeListener({ edge, log, accounts, pipeline, announcer }: SessionParts): ChannelListener {
  const teller = makeLinkTeller({
    view: makeTerminalQrView({ write: edge.write, isTty: edge.isTerminal }),
    cli: edge.cli,
    write: edge.write,
    getAccount: accounts.getAccount,
    log,
  });
  return {
    onEvents: pipeline.accept,
    whenRoom: pipeline.whenRoom,
    onGap: pipeline.hearGap,
    onLineBack: pipeline.hearLineBack,
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
      pipeline.hearState(accountId, change);
      teller.onState(accountId, change);
      announcer.onState(accountId, change);
    },
    onAlert: announcer.onAlert,
  };
}
