import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { DaemonApi } from '../../scripts/daemon-api.ts';
import type { DaemonProcess } from '../../scripts/daemon-process.ts';
import type { Simulator } from '../../simulator/client.ts';
import { orAborted } from '../../src/lib/abort.ts';
import { startBenchDaemon } from '../bench-daemon.ts';
import type { BenchStores } from '../bench-stores.ts';
import { nowMs } from '../instant.ts';
import type { Contender, Restored } from './contender.ts';
import { probeEnvironment, readHeap } from './heap-reading.ts';

/** Between two looks for a QR code: small beside what it takes. */
const LOOK_AGAIN_MS = 10;

export interface DaemonDeps {
  readonly simulator: Simulator;
  readonly stores: BenchStores;
  readonly folder: string;
  readonly sessions: number;
  readonly signal: AbortSignal;
}

/** The whole daemon as a process of its own, as it is without any settings. */
export class DaemonContender implements Contender {
  readonly name = 'Switchboard';
  readonly phonePrefix = 'switchboard';
  readonly #deps: DaemonDeps;
  readonly #accounts: string[] = [];
  readonly #postgres: number;
  #daemon: DaemonProcess;

  private constructor(deps: DaemonDeps, daemon: DaemonProcess, postgres: number) {
    this.#deps = deps;
    this.#daemon = daemon;
    this.#postgres = postgres;
  }

  static async open(deps: DaemonDeps): Promise<DaemonContender> {
    const postmaster = await readFile(
      join(deps.stores.dataPath, 'postgres', 'data', 'postmaster.pid'),
      'utf8',
    );
    return new DaemonContender(deps, await start(deps), Number.parseInt(postmaster, 10));
  }

  get pids(): readonly number[] {
    return [this.#daemon.pid, this.#postgres];
  }

  async link(): Promise<number> {
    const { simulator, signal } = this.#deps;
    const api = new DaemonApi(this.#daemon);
    const phone = await simulator.world.phone(`${this.phonePrefix}-${this.#accounts.length}`);
    const from = nowMs();
    const { accountId } = await api.call<{ accountId: string }>('POST', '/connect', {});
    this.#accounts.push(accountId);
    let qr: string | null = null;
    while (qr === null) {
      await delay(LOOK_AGAIN_MS, undefined, { signal });
      ({ qr } = await api.call<{ qr: string | null }>('GET', `/qr-code/${accountId}`));
    }
    const tookMs = nowMs() - from;
    await phone.scan(qr);
    await orAborted(api.reached(accountId, 'Connected'), signal);
    return tookMs;
  }

  readHeap(): Promise<number> {
    return readHeap(this.#daemon.pid, heapFile(this.#deps));
  }

  async keepOne(): Promise<void> {
    const api = new DaemonApi(this.#daemon);
    for (const accountId of this.#accounts.splice(1)) {
      await orAborted(api.call('POST', `/disconnect/${accountId}`), this.#deps.signal);
      await orAborted(api.reached(accountId, 'Disconnected'), this.#deps.signal);
    }
  }

  /** By the instants at which the daemon has entered the states: a launch begins by opening the vault. */
  async restore(): Promise<Restored> {
    const [accountId = ''] = this.#accounts;
    await this.#daemon.stop();
    const storedBytes = await readNewestVault(join(sessionPath(this.#deps), accountId));
    this.#daemon = await start(this.#deps);
    const { signal, stores } = this.#deps;
    await orAborted(new DaemonApi(this.#daemon).reached(accountId, 'Connected'), signal);
    return { readyMs: await readLastStart(stores, accountId), storedBytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon[Symbol.asyncDispose]();
  }
}

const heapFile = ({ folder }: DaemonDeps) => join(folder, 'daemon-heap');
const sessionPath = ({ folder }: DaemonDeps) => join(folder, 'sealed');

function start(deps: DaemonDeps): Promise<DaemonProcess> {
  const { stores, folder, simulator, sessions, signal } = deps;
  const env = {
    ...probeEnvironment(heapFile(deps)),
    WHATSAPP_MAX_CONNECTIONS: String(sessions),
    WHATSAPP_SESSION_PATH: sessionPath(deps),
    // Unset: profiles lie open in memory, where there is room.
    WHATSAPP_RUNTIME_PATH: '',
  };
  return startBenchDaemon({ stores, folder, chromeArgs: simulator.chromeArgs, env }, signal);
}

async function readNewestVault(folder: string): Promise<number> {
  const names = (await readdir(folder)).filter((name) => /^\d+\.vault$/.test(name));
  const [newest] = names.sort((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10));
  if (newest === undefined) throw new Error('The session was not sealed.');
  return (await stat(join(folder, newest))).size;
}

async function readLastStart(stores: BenchStores, accountId: string): Promise<number> {
  const client = new pg.Client(stores.postgres);
  await client.connect();
  try {
    const find = `select extract(epoch from max(at) filter (where state = 'connected')
                       - max(at) filter (where state = 'starting'))::float8 * 1000 as took
                    from session_events where account_id = $1`;
    const { rows } = await client.query<{ took: number }>(find, [accountId]);
    const took = rows[0]?.took ?? Number.NaN;
    if (!(took > 0)) throw new Error('The restored session has not written down its start.');
    return took;
  } finally {
    await client.end();
  }
}
