import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonApi } from '../../scripts/daemon-api.ts';
import {
  type DaemonProcess,
  type DaemonSettings,
  findFreePort,
  startDaemon,
} from '../../scripts/daemon-process.ts';
import { type Phone, type Simulator, startSimulator, type WorldClient } from '../../simulator/client.ts';
import { openTemporaryFolder } from './temporary-folder.ts';

/** A real daemon in a folder of its own, real Chromium, and the simulated WhatsApp around them. */
export interface Stage extends AsyncDisposable {
  readonly simulator: Simulator;
  readonly world: WorldClient;
  readonly folder: string;
  /** The daemon that runs now; another object after `start`. */
  daemon(): DaemonProcess;
  /** Speaks to the daemon; stays the same over restarts. */
  readonly api: DaemonApi;
  /** Starts the daemon again on the same data, after it was stopped or killed; `env` is laid over what it was told. */
  start(env?: Readonly<Record<string, string>>): Promise<void>;
  /** Links a new account with this phone and resolves with its id once it is connected. */
  link(phone: Phone): Promise<string>;
  /** Living processes of browsers that work on this stage's data. */
  browsers(): string[];
}

/** What a daemon is told so that its browsers take the simulator for WhatsApp. */
export function simulatedWhatsApp(simulator: Simulator): string {
  return simulator.chromeArgs.map((arg) => `'${arg}'`).join(' ');
}

export interface StageSettings {
  readonly env?: Readonly<Record<string, string>>;
  readonly onOutput?: (text: string) => void;
}

/** Opens a stage with a running daemon. There is no limit a minute unless `env` sets one. */
export async function openStage(settings: StageSettings = {}): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await openTemporaryFolder()).path;
  const simulator = stack.use(await startSimulator());
  const daemonSettings: DaemonSettings = {
    env: {
      DATA_PATH: join(folder, 'data'),
      LOG_DIR: join(folder, 'logs'),
      WHATSAPP_RUNTIME_PATH: join(folder, 'data', 'live'),
      CHROME_EXTRA_ARGS: simulatedWhatsApp(simulator),
      WHATSAPP_MESSAGE_RATE_LIMIT: '0',
      ...settings.env,
    },
    port: await findFreePort(),
    ownerKey: 'a-key-for-the-stage-of-the-tests-1234',
    ...(settings.onOutput ? { onOutput: settings.onOutput } : {}),
  };
  let daemon = await startDaemon(daemonSettings);
  stack.defer(async () => void (await daemon.stop()));
  const api = new DaemonApi(daemon);
  const opened = stack.move();
  return {
    simulator,
    world: simulator.world,
    folder,
    daemon: () => daemon,
    api,
    async start(env = {}) {
      daemon = await startDaemon({ ...daemonSettings, env: { ...daemonSettings.env, ...env } });
    },
    async link(phone) {
      const { accountId, qr } = await api.connect(phone.name);
      await phone.scan(qr);
      await api.reached(accountId, 'Connected');
      return accountId;
    },
    browsers: () => findProcesses(`--user-data-dir=${folder}/`),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

interface LivingProcess {
  readonly pid: number;
  readonly commandLine: string;
}

function listProcesses(text: string): LivingProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const commandLine = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return commandLine.includes(text) ? [{ pid: Number(name), commandLine }] : [];
      } catch {
        // It ended while we looked.
        return [];
      }
    });
}

/** Command lines of living processes that contain the text. */
export function findProcesses(text: string): string[] {
  return listProcesses(text).map(({ commandLine }) => commandLine);
}

/** Ids of living processes whose command line contains the text. */
export function findProcessIds(text: string): number[] {
  return listProcesses(text).map(({ pid }) => pid);
}
