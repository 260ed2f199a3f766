import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { type EmbeddedRedis, openEmbeddedRedis } from '../../../src/embedded/redis.ts';
import { findSurvivors, type ServerMark } from '../../../src/embedded/survivor.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

const { signal } = new AbortController();

function open(dataPath: string, log = new RecordingLogger(), env: NodeJS.ProcessEnv = process.env) {
  return openEmbeddedRedis({ dataPath, log, env }, { signal });
}

function serverOf(dataPath: string): ServerMark {
  return { program: 'redis-server', option: '--dir', value: join(dataPath, 'redis') };
}

async function use<T>(redis: EmbeddedRedis, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(redis.connection);
  try {
    return await work(client);
  } finally {
    await client.quit();
  }
}

test('Redis keeps its data over a stop, and leaves no process and no socket behind', async () => {
  await using folder = await openTemporaryFolder();
  const first = await open(folder.path);
  await use(first, (client) => client.set('note', 'kept'));
  expect((await stat(dirname(first.connection.path))).mode & 0o777).toBe(0o700);
  await first[Symbol.asyncDispose]();
  expect(await findSurvivors(serverOf(folder.path))).toEqual([]);
  expect(existsSync(dirname(first.connection.path))).toBe(false);

  await using second = await open(folder.path);
  expect(second.connection).toEqual(first.connection);
  expect(await use(second, (client) => client.get('note'))).toBe('kept');
});

test('Redis drops nothing, syncs every second and listens on no port', async () => {
  await using folder = await openTemporaryFolder();
  const env = { ...process.env, OWNER_API_KEY: 'a-secret' };
  await using redis = await open(folder.path, new RecordingLogger(), env);
  const settings = await use(redis, (client) =>
    client.config('GET', 'maxmemory-policy', 'appendonly', 'appendfsync', 'port'),
  );
  expect(settings).toEqual(
    expect.arrayContaining(['maxmemory-policy', 'noeviction', 'appendonly', 'yes', 'everysec', 'port', '0']),
  );
  const [pid] = await findSurvivors(serverOf(folder.path));
  expect(await readFile(`/proc/${pid}/environ`, 'latin1')).not.toContain('a-secret');
});

test('Redis is started again when it is killed, with the same connection and what it acknowledged', async () => {
  await using folder = await openTemporaryFolder();
  const log = new RecordingLogger();
  await using redis = await open(folder.path, log);
  await use(redis, (client) => client.set('note', 'kept'));
  const [pid = 0] = await findSurvivors(serverOf(folder.path));
  const back = log.next('An embedded server serves again');
  process.kill(pid, 'SIGKILL');
  await back;
  expect(await use(redis, (client) => client.get('note'))).toBe('kept');
});

test('without redis-server the error names the package, the command and the alternative', async () => {
  await using folder = await openTemporaryFolder();
  const refusal = open(folder.path, new RecordingLogger(), { PATH: folder.path });
  await expect(refusal).rejects.toMatchObject({ code: 'REDIS_MISSING' });
  await expect(refusal).rejects.toThrow(/apt-get install redis-server.*REDIS_URL/);
});
