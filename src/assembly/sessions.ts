import type { AccountStore } from '../accounts/account.ts';
import type { AccountId } from '../accounts/ids.ts';
import type { Channel, ChannelListener } from '../channels/channel.ts';
import { openPool, type Pool } from '../channels/whatsapp-web/pool.ts';
import { ProfileKeeper } from '../channels/whatsapp-web/profile-keeper.ts';
import { makeLinkTeller } from '../cli/link-teller.ts';
import { makeTerminalQrView } from '../cli/qr-view.ts';
import { childEnvironment } from '../config/child-environment.ts';
import { DEFAULT_TIMINGS } from '../config/session-timings.ts';
import { makeAccountStore } from '../db/account-store.ts';
import { doubtRestored } from '../db/restored-profile.ts';
import { openSocketFolder } from '../embedded/socket-folder.ts';
import { makePerformCall, makeRoutedChannel } from '../instances/routed-channel.ts';
import { openSessionCalls } from '../instances/session-calls.ts';
import type { Vault } from '../vault/vault.ts';
import type { Leasing, LeasingParts } from './leasing.ts';
import type { Messaging } from './messaging.ts';

export interface SessionParts extends LeasingParts {
  readonly leasing: Leasing;
  readonly messaging: Messaging;
  readonly vault: Vault;
}

export interface OpenSessions extends AsyncDisposable {
  /** The sessions of this instance. */
  readonly pool: Pool;
  /** Those of all instances. */
  readonly channel: Channel;
}

/** The pool of sessions, no account started yet, and who hears of them; a guard outlives it, should it be killed. */
export async function openSessions(parts: SessionParts): Promise<OpenSessions> {
  const { config, edge, log, stores, vault } = parts;
  const { clock } = edge;
  const { browser, dataPath, runtime, instanceId } = parts.foundation;
  const { guard, leases, fence } = parts.leasing;
  const { measured } = parts.messaging;
  const { db, connection } = stores;
  const accounts = makeAccountStore(db, { history: measured.sessions, fence });
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
    onSealFailed: () => measured.snapshot('seal_failed'),
  });
  const temporary = stack.use(await openSocketFolder(dataPath, 'browsers'));
  const pool = stack.use(
    await openPool({
      config,
      runtimePath: runtime.path,
      formerPaths: runtime.formerPaths,
      profiles,
      browser,
      instanceId,
      leases,
      store: accounts,
      listener: makeListener(parts, accounts),
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
      connection,
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
  { edge, log, stores, leasing }: SessionParts,
  accountId: AccountId,
  takenAt: Date,
): Promise<void> {
  const at = new Date(edge.clock.now());
  const count = await doubtRestored(stores.db, accountId, { takenAt, at, fence: leasing.fence });
  if (count > 0)
    log.warn('Whether messages left before the session was restored is not known', { accountId, count });
}

/** Messages go into the pipeline; codes and states to the terminal and to applications. */
function makeListener(
  { edge, log, messaging }: SessionParts,
  accounts: Pick<AccountStore, 'getAccount'>,
): ChannelListener {
  const { pipeline, announcer } = messaging;
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
