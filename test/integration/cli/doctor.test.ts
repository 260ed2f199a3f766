import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SHARED_MEMORY } from '../../../src/channels/whatsapp-web/runtime-folder.ts';
import { keyToId } from '../../../src/vault/key-ring.ts';
import { runCli } from '../../support/cli-process.ts';
import { openTestDatabase } from '../../support/database.ts';
import { data, failure, openFakeDaemon } from '../../support/fake-daemon.ts';
import { openOwnRedis } from '../../support/own-redis.ts';
import { CURRENT_KEY, OLD_KEY, OUR_ACCOUNT, sampleBytes, sealed } from '../../support/sealed-sample.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const READY = data({ status: 'ready', checks: { database: 'ok', queue: 'ok' } });
const MADE_KEY = '8f1c3a9be07d5264a1f0c97be35d8e42716b0fd9c4a8e35217d6fb0a9c8e4d13';

let stack: AsyncDisposableStack;
let folder: TemporaryFolder;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  folder = stack.use(await openTemporaryFolder());
});
afterEach(() => stack.disposeAsync());

interface Seen {
  readonly code: number | null;
  readonly place: string;
  readonly checks: Readonly<Record<string, { outcome: string; found: string; remedy: string | null }>>;
}

/** What `doctor --json` says in a folder where nothing is. Without a port of its own no daemon is met. */
async function examine(env: Readonly<Record<string, string>> = {}): Promise<Seen> {
  const all = { PORT: '1', ...env };
  const { code, out, error } = await runCli(['doctor', '--json'], { cwd: folder.path, env: all });
  expect(error).toBe('');
  const { place, checks } = JSON.parse(out);
  type Named = {
    readonly name: string;
    readonly outcome: string;
    readonly found: string;
    readonly remedy: string;
  };
  return { code, place, checks: Object.fromEntries(checks.map(({ name, ...rest }: Named) => [name, rest])) };
}

const outcomes = ({ checks }: Seen) =>
  Object.fromEntries(Object.entries(checks).map(([name, { outcome }]) => [name, outcome]));

describe('without a daemon', () => {
  it('finds all that one needs, writes nothing, and exits with 0', async () => {
    const seen = await examine({
      PORT: '0',
      WHATSAPP_RUNTIME_PATH: SHARED_MEMORY,
      WHATSAPP_MAX_CONNECTIONS: '1',
    });
    expect(await readdir(folder.path)).toEqual([]);
    expect(seen.code).toBe(0);
    expect(outcomes(seen)).toMatchObject({
      configuration: 'good',
      daemon: 'warning',
      chromium: 'good',
      redis: 'good',
      postgres: 'good',
      key: 'good',
      tmpfs: 'good',
      ports: 'good',
    });
    for (const { outcome, remedy } of Object.values(seen.checks))
      expect(remedy === null).toBe(outcome === 'good');
  });

  it('says of each thing that is wrong what it is and what to do, repeats no secret, and exits with 1', async () => {
    const seen = await examine({
      PORT: '0',
      PUPPETEER_EXECUTABLE_PATH: '/bin/false',
      CHROME_EXTRA_ARGS: '--proxy-server=http://user:hidden-word@proxy:1',
      REDIS_URL: 'redis://user:hidden-word@127.0.0.1:1',
      DATABASE_URL: 'postgres://user:hidden-word@127.0.0.1:1/x',
      WHATSAPP_RUNTIME_PATH: '/dev/null/live',
      LOG_DIR: '/dev/null/logs',
    });
    expect(seen.code).toBe(1);
    expect(outcomes(seen)).toMatchObject({
      chromium: 'bad',
      redis: 'bad',
      postgres: 'bad',
      disk: 'bad',
      tmpfs: 'warning',
    });
    expect(seen.checks.tmpfs?.remedy).toContain('WHATSAPP_RUNTIME_PATH');
    expect(JSON.stringify(seen)).not.toContain('hidden-word');
    for (const { outcome, remedy } of Object.values(seen.checks))
      expect(remedy === null).toBe(outcome === 'good');
  });

  it('tells what it runs no secret', async () => {
    const seen = join(folder.path, 'seen');
    const bin = join(folder.path, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'timedatectl'), `#!/bin/sh\nenv > '${seen}'\necho yes\n`, { mode: 0o755 });
    const { checks } = await examine({
      PORT: '0',
      PATH: `${bin}:${process.env.PATH}`,
      OWNER_API_KEY: 'an-owner-key-of-thirty-two-characters',
      LANG: 'de_DE.UTF-8',
    });
    expect(checks.clock).toMatchObject({ outcome: 'good', found: 'A time server sets it.' });
    const told = await readFile(seen, 'utf8');
    expect(told).toContain('LANG=de_DE.UTF-8');
    expect(told).not.toContain('OWNER_API_KEY');
  });

  it('looks at the rest although variables are wrong', async () => {
    const seen = await examine({
      PORT: '70000',
      ENCRYPTION_KEY: 'changeme',
      NODE_ENV: 'production',
      WHATSAPP_MAX_CONNECTIONS: '0',
    });
    expect(seen.code).toBe(1);
    expect(outcomes(seen)).toMatchObject({
      configuration: 'bad',
      daemon: 'unknown',
      chromium: 'good',
      redis: 'good',
      postgres: 'good',
      key: 'bad',
      tmpfs: 'bad',
      ports: 'bad',
    });
    expect(JSON.stringify(seen)).not.toContain('changeme');
  });

  it('finds a port that something else has', async () => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    stack.defer(() => void other.close());
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    // It takes connections and says nothing: to ask it first would take the whole deadline.
    other.on('connection', (socket) => socket.destroy());
    const { ports } = (await examine({ PORT: String(port) })).checks;
    expect(ports).toMatchObject({ outcome: 'bad', found: `127.0.0.1:${port} is taken by something else.` });
  });
});

describe('the key', () => {
  const dataPath = () => join(folder.path, '.data');
  const keyPath = () => join(dataPath(), 'encryption-key');
  async function keepKey(text: string, mode = 0o600): Promise<void> {
    await mkdir(dataPath(), { recursive: true });
    await writeFile(keyPath(), text);
    await chmod(keyPath(), mode);
  }
  const keyCheck = async () => (await examine()).checks.key;

  it('that lies beside what it seals is warned of', async () => {
    await keepKey(`${MADE_KEY}\n`);
    expect((await keyCheck())?.outcome).toBe('warning');
  });

  it.each([
    ['others can read', MADE_KEY, 0o644],
    ['is damaged', 'half', 0o600],
  ] as const)('that %s is bad', async (_what, text, mode) => {
    await keepKey(text, mode);
    const check = await keyCheck();
    expect(check?.outcome).toBe('bad');
    expect(check?.found).toContain(keyPath());
  });

  it('that does not open what is sealed here is bad, and the one that does is good', async () => {
    const vault = join(folder.path, 'sessions', OUR_ACCOUNT);
    await mkdir(vault, { recursive: true });
    await writeFile(join(vault, '7.vault'), await sealed(sampleBytes(1_000)));
    const checkWith = async (env: Readonly<Record<string, string>>) => (await examine(env)).checks.key;
    const wrong = await checkWith({ ENCRYPTION_KEY: OLD_KEY.toString('hex') });
    expect(wrong).toMatchObject({
      outcome: 'bad',
      remedy: expect.stringContaining('ENCRYPTION_KEY_PREVIOUS'),
    });
    expect(wrong?.found).toContain(keyToId(CURRENT_KEY));
    const both = {
      ENCRYPTION_KEY: OLD_KEY.toString('hex'),
      ENCRYPTION_KEY_PREVIOUS: CURRENT_KEY.toString('hex'),
    };
    expect(await checkWith(both)).toMatchObject({ outcome: 'good', remedy: null });
  });
});

describe('beside a daemon', () => {
  it('says that it is ready, and that the port is its own', async () => {
    const daemon = stack.use(await openFakeDaemon(() => READY));
    const seen = await examine({ PORT: new URL(daemon.url).port });
    expect(seen).toMatchObject({ code: 0, place: 'here' });
    expect(outcomes(seen)).toMatchObject({ daemon: 'good', ports: 'good' });
    expect(daemon.requests.map(({ path }) => path)).toEqual(['/ready']);
  });

  it('says which part of it does not answer', async () => {
    const notReady = failure(503, 'UNAVAILABLE');
    const body = { success: false, error: { code: 'UNAVAILABLE', message: 'Not ready: database.' } };
    const daemon = stack.use(await openFakeDaemon(() => ({ ...notReady, body })));
    const seen = await examine({ PORT: new URL(daemon.url).port });
    expect(seen.code).toBe(1);
    expect(seen.checks.daemon?.found).toContain('not ready: database');
  });

  it('with stores of its own asks those, and compares the clock', async () => {
    const redis = stack.use(await openOwnRedis());
    const { url } = stack.use(await openTestDatabase());
    const seen = await examine({
      PORT: '0',
      REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      DATABASE_URL: url,
    });
    expect(seen.checks.redis?.found).toContain('REDIS_URL answers');
    expect(seen.checks.postgres?.outcome).toBe('good');
    expect(seen.checks.clock?.found).toContain('agrees with that of PostgreSQL');
  });
});

it('of a daemon on another machine says that only that one can tell', async () => {
  const seen = await examine({ SWITCHBOARD_URL: 'http://no-such-name.invalid:3000' });
  expect(seen).toMatchObject({ code: 1, place: 'elsewhere' });
  expect(outcomes(seen)).toMatchObject({
    daemon: 'bad',
    chromium: 'unknown',
    redis: 'unknown',
    key: 'unknown',
  });
});

it('prints a table for people', async () => {
  const { code, out } = await runCli(['doctor'], { cwd: folder.path, env: { PORT: '0' } });
  expect(code).toBe(0);
  expect(out).toMatch(/^CHECK +FOUND\n/);
  expect(out).toMatch(/^chromium +ok +\/.+ shows a page/m);
});
