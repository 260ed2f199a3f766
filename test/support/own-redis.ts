import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A Redis of one test alone, on a port of its own, that may be killed, started again or set up badly. */
export interface OwnRedis extends AsyncDisposable {
  readonly port: number;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again with what its append-only file holds. */
  start(): Promise<void>;
  /** Stops its process where it is: connections stay open and nothing is answered. */
  freeze(): void;
}

export interface OwnRedisSettings {
  /** Speak TLS only, with this certificate, which is its own authority; PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** Starts one; `settings` are command-line arguments of redis-server. */
export async function openOwnRedis(
  settings: readonly string[] = [],
  { tls }: OwnRedisSettings = {},
): Promise<OwnRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'switchboard-redis-'));
  const port = await findFreePort();
  const listening = tls ? await listenWithTls(port, folder, tls) : ['--port', String(port)];
  const fixed = [...listening, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  let child: ChildProcess | undefined;

  const start = async () => {
    child = spawn('redis-server', [...fixed, '--appendonly', 'yes', ...settings], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (child.stdout === null) throw new Error('The output of redis-server cannot be read.');
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.includes('Ready to accept connections')) break;
    }
    child.stdout.resume();
  };
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };
  await start();
  return {
    port,
    start,
    kill,
    freeze: () => void child?.kill('SIGSTOP'),
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function listenWithTls(
  port: number,
  folder: string,
  { cert, key }: NonNullable<OwnRedisSettings['tls']>,
): Promise<string[]> {
  const [certFile, keyFile] = [join(folder, 'redis.crt'), join(folder, 'redis.key')];
  await writeFile(certFile, cert);
  await writeFile(keyFile, key);
  return [
    ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
    ...['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', certFile],
  ];
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('No free port.');
  return address.port;
}
