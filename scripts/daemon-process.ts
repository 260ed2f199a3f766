import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VARIABLES } from '../src/config/variables.ts';
import { BROWSER_VARIABLES } from './machine-browser.ts';

/** The daemon as a process of its own, for the demo and the tests. */
export interface DaemonProcess extends AsyncDisposable {
  readonly url: string;
  readonly ownerKey: string;
  readonly pid: number;
  /** Everything it has printed so far. */
  output(): string;
  /** Asks for a drained stop; resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** SIGKILL: no goodbye. Resolves when it is gone. */
  kill(): Promise<void>;
}

export interface DaemonSettings {
  /** On top of this process's environment, see `daemonEnvironment`. DATA_PATH is a must. */
  readonly env: Readonly<Record<string, string>> & { readonly DATA_PATH: string };
  readonly ownerKey?: string;
  readonly port?: number;
  readonly onOutput?: (text: string) => void;
  /** Gives a start up: the daemon is asked to stop, and `startDaemon` rejects with the reason when it is gone. */
  readonly signal?: AbortSignal;
}

/** What says where the browser of this machine is goes for every daemon on it. */
const KEPT_VARIABLES: readonly string[] = Object.keys(BROWSER_VARIABLES);

/**
 * This process's environment for a daemon that is nobody's production: what the shell or `.env` sets for the real one,
 * its database above all, is not for it. An empty variable counts as unset and wins over `.env`.
 */
export function daemonEnvironment(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const names = Object.keys(VARIABLES).filter((name) => !KEPT_VARIABLES.includes(name));
  return { ...process.env, ...Object.fromEntries(names.map((name) => [name, ''])), ...env };
}

/** As `npm start` has them. */
const NODE_ARGUMENTS: readonly string[] = ['--max-semi-space-size=4'];

/** A port of the loopback that nobody listens on at this moment. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts the daemon and resolves when it says that it is ready; rejects with its output if it ends before. */
export async function startDaemon(settings: DaemonSettings): Promise<DaemonProcess> {
  const port = settings.port ?? (await findFreePort());
  const ownerKey = settings.ownerKey ?? randomBytes(24).toString('base64url');
  const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
  const child = spawn(process.execPath, [...NODE_ARGUMENTS, main], {
    env: daemonEnvironment({
      PORT: String(port),
      OWNER_API_KEY: ownerKey,
      WHATSAPP_SESSION_PATH: join(settings.env.DATA_PATH, 'sessions'),
      ...settings.env,
    }),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      chunks.push(text);
      settings.onOutput?.(text);
    });
  }
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const { signal } = settings;
  const onAbort = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  await Promise.race([
    once(child, 'message'),
    ended.then(([code]) => {
      signal?.throwIfAborted();
      throw new Error(`The daemon ended with code ${code} before it was ready:\n${chunks.join('')}`);
    }),
  ]);
  signal?.removeEventListener('abort', onAbort);
  return makeHandle(child, ended, {
    url: `http://127.0.0.1:${port}`,
    ownerKey,
    output: () => chunks.join(''),
  });
}

function makeHandle(
  child: ChildProcess,
  ended: Promise<[number | null]>,
  facts: Pick<DaemonProcess, 'url' | 'ownerKey' | 'output'>,
): DaemonProcess {
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const [code] = await ended;
    return code;
  };
  return {
    ...facts,
    pid: child.pid ?? 0,
    stop,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}
