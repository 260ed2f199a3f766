import type { ChaosAccount, ChaosPool } from './chaos-pool.ts';
import { findProcessIds } from './stage.ts';

/** A kind of fault that can strike a pool. */
export interface ChaosKind {
  readonly name: string;
  /** Whom it strikes: one session alone, or all. */
  readonly scope: 'one' | 'all';
  /** Whether another daemon process runs afterwards. */
  readonly endsDaemon: boolean;
  /**
   * Strikes, and resolves once it has struck. A fault that lasts resolves with what ends it: the network's repair, or
   * what a user does about it.
   */
  readonly strike: (pool: ChaosPool, account: ChaosAccount) => Promise<(() => Promise<unknown>) | undefined>;
}

const DAEMON_KILL = 'SIGKILL of the daemon';

const HOUR_MS = 3_600_000;
/** Longer than the grace in which a dropped line is no news, shorter than the one after which a session starts anew. */
const DROP_MS = 12_000;
const SLOW_MS = 4_000;

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  if (pids.length === 0) throw new Error('There is no process to strike.');
  for (const pid of pids) process.kill(pid, name);
}

/** The oldest process that has the text on its command line, which is the parent of the others. */
async function killServer({ stage }: ChaosPool, name: 'postgres' | 'redis'): Promise<undefined> {
  const [pid] = findProcessIds(`${stage.folder}/data/${name}`);
  signal(pid === undefined ? [] : [pid], 'SIGKILL');
  return undefined;
}

/** The page of one account is loaded again, and its server does that to it. */
async function strikePage(
  { stage: { world } }: ChaosPool,
  { phone }: ChaosAccount,
  mode: { readonly mode: 'hang' } | { readonly mode: 'slow'; readonly delayMs: number },
): Promise<() => Promise<unknown>> {
  const fault = await world.faults.set({ kind: 'page', ...mode, phone: phone.name });
  await phone.page({ do: 'reload' });
  await world.waitFor({ fault: fault.id, struck: 1 });
  return () => world.faults.clear(fault.id);
}

/** What strikes one session. */
const OF_ONE: Record<string, ChaosKind['strike']> = {
  'SIGKILL of a browser': async (pool, account) => {
    signal(pool.browsersOf(account), 'SIGKILL');
    return undefined;
  },
  'SIGKILL of a renderer': async (pool, account) => {
    signal(pool.renderersOf(account), 'SIGKILL');
    return undefined;
  },
  'SIGSTOP of a browser': async (pool, account) => {
    signal(pool.browsersOf(account), 'SIGSTOP');
    return undefined;
  },
  'reload of a page': async (_pool, { phone }) => {
    await phone.page({ do: 'reload' });
    return undefined;
  },
  'drop of a socket': async (_pool, { phone }) => {
    await phone.page({ do: 'drop', ms: DROP_MS });
    return undefined;
  },
  'slow page server': (pool, account) => strikePage(pool, account, { mode: 'slow', delayMs: SLOW_MS }),
  'hanging page server': (pool, account) => strikePage(pool, account, { mode: 'hang' }),
  'logout on the phone': async (pool, account) => {
    await account.phone.logoutDevice();
    await pool.state(account, 'needs_human', 'logged_out');
    account.logouts.push(new Date());
    return () => pool.mend(account, { scan: true });
  },
  conflict: async (pool, account) => {
    await account.phone.page({ do: 'state', state: 'CONFLICT' });
    await pool.state(account, 'needs_human', 'replaced');
    return () => pool.mend(account, { scan: false });
  },
};

/** What strikes all sessions, or what they stand on. */
const OF_ALL: Record<string, ChaosKind['strike']> = {
  [DAEMON_KILL]: async ({ stage }) => {
    await stage.daemon().kill();
    await stage.start();
    return undefined;
  },
  'page server down': async (pool, account) => {
    await pool.stage.world.server(false);
    // One has to start while there is nothing to load.
    signal(pool.browsersOf(account), 'SIGKILL');
    await Promise.all(pool.accounts.map((each) => pool.stateOtherThan(each, 'connected')));
    return () => pool.stage.world.server(true);
  },
  'SIGKILL of Redis': (pool) => killServer(pool, 'redis'),
  'SIGKILL of PostgreSQL': (pool) => killServer(pool, 'postgres'),
  'disk full': async (pool, account) => {
    pool.disk.fill(pool.browserTrees());
    signal(pool.browsersOf(account), 'SIGKILL');
    await pool.stateOtherThan(account, 'connected');
    // What the dead browser gave back is filled up, too: one has to start on a full disk.
    pool.disk.fill(pool.browserTrees());
    await Promise.all(pool.accounts.map((each) => pool.stateOtherThan(each, 'connected')));
    return async () => pool.disk.free();
  },
  'step of the clock': async (pool) => {
    const before = await Promise.all(pool.accounts.map((each) => pool.undisturbed(each)));
    for (const offsetMs of [HOUR_MS, 0, -HOUR_MS, 0]) {
      await pool.setClock(offsetMs);
      await Promise.all(pool.accounts.map((each) => pool.carriesBothWays(each)));
    }
    const after = await Promise.all(pool.accounts.map((each) => pool.undisturbed(each)));
    if (JSON.stringify(after) !== JSON.stringify(before)) {
      throw new Error(`A step of the clock disturbed sessions: ${JSON.stringify({ before, after })}`);
    }
    return undefined;
  },
};

function toKinds(strikes: Record<string, ChaosKind['strike']>, scope: ChaosKind['scope']): ChaosKind[] {
  return Object.entries(strikes).map(([name, strike]) => {
    return { name, scope, strike, endsDaemon: name === DAEMON_KILL };
  });
}

export const CHAOS_KINDS: readonly ChaosKind[] = [...toKinds(OF_ONE, 'one'), ...toKinds(OF_ALL, 'all')];

/** The kinds of which only a user's step brings a session back. */
export const HUMAN_KINDS: readonly ChaosKind[] = CHAOS_KINDS.filter(({ name }) =>
  ['logout on the phone', 'conflict'].includes(name),
);
