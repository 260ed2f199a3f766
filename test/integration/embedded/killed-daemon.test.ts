import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import pg from 'pg';
import { expect, test } from 'vitest';
import { openDataFolder } from '../../../src/embedded/data-folder.ts';
import { openEmbeddedPostgres, type PostgresConnection } from '../../../src/embedded/postgres.ts';
import { openEmbeddedRedis, type RedisConnection } from '../../../src/embedded/redis.ts';
import { findSurvivors } from '../../../src/embedded/survivor.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

const PROGRAM = fileURLToPath(new URL('../../support/embedded-daemon.ts', import.meta.url));
const { signal } = new AbortController();

interface Connections {
  readonly postgres: PostgresConnection;
  readonly redis: RedisConnection;
}

async function startDaemon(dataPath: string): Promise<{ child: ChildProcess; connections: Connections }> {
  const child = spawn(process.execPath, [PROGRAM, dataPath], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return { child, connections: JSON.parse(String(line)) };
}

async function writeNotes({ postgres, redis }: Connections): Promise<void> {
  const client = new pg.Client(postgres);
  await client.connect();
  await client.query("CREATE TABLE notes AS SELECT 'kept' AS text");
  await client.end();
  const queue = new Redis(redis);
  await queue.set('note', 'kept');
  await queue.quit();
}

async function readNotes({ postgres, redis }: Connections): Promise<unknown[]> {
  const client = new pg.Client(postgres);
  await client.connect();
  const { rows } = await client.query('SELECT text FROM notes');
  await client.end();
  const queue = new Redis(redis);
  const note = await queue.get('note');
  await queue.quit();
  return [rows[0]?.text, note];
}

function survivors(dataPath: string): Promise<number[][]> {
  return Promise.all([
    findSurvivors({ program: 'postgres', option: '-D', value: join(dataPath, 'postgres', 'data') }),
    findSurvivors({ program: 'redis-server', option: '--dir', value: join(dataPath, 'redis') }),
  ]);
}

test('the servers of a killed daemon are cleared by the next one, which has all that was acknowledged', async () => {
  await using temporary = await openTemporaryFolder();
  const { child, connections } = await startDaemon(temporary.path);
  await writeNotes(connections);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const [oldPostgres, oldRedis] = await survivors(temporary.path);
  expect([oldPostgres, oldRedis]).toEqual([[expect.any(Number)], [expect.any(Number)]]);

  {
    await using folder = await openDataFolder(temporary.path);
    const deps = { dataPath: folder.path, log: new RecordingLogger(), env: process.env };
    await using postgres = await openEmbeddedPostgres(deps, { signal });
    await using redis = await openEmbeddedRedis(deps, { signal });
    const [newPostgres, newRedis] = await survivors(temporary.path);
    expect([newPostgres?.length, newRedis?.length]).toEqual([1, 1]);
    expect(newPostgres).not.toEqual(oldPostgres);
    expect(newRedis).not.toEqual(oldRedis);
    expect(await readNotes({ postgres: postgres.connection, redis: redis.connection })).toEqual([
      'kept',
      'kept',
    ]);
  }
  expect(await survivors(temporary.path)).toEqual([[], []]);
});
