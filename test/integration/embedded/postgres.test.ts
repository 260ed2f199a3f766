import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { type EmbeddedPostgres, openEmbeddedPostgres } from '../../../src/embedded/postgres.ts';
import { findSurvivors, type ServerMark } from '../../../src/embedded/survivor.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

const { signal } = new AbortController();

function open(dataPath: string, log = new RecordingLogger(), env: NodeJS.ProcessEnv = process.env) {
  return openEmbeddedPostgres({ dataPath, log, env }, { signal });
}

function serverOf(dataPath: string): ServerMark {
  return { program: 'postgres', option: '-D', value: join(dataPath, 'postgres', 'data') };
}

async function query(postgres: EmbeddedPostgres, sql: string, user?: Partial<pg.ClientConfig>) {
  const client = new pg.Client({ ...postgres.connection, ...user });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('the embedded PostgreSQL', () => {
  test('keeps its data over a stop, and leaves no process and no socket behind', async () => {
    await using folder = await openTemporaryFolder();
    const first = await open(folder.path);
    await query(first, "CREATE TABLE notes AS SELECT 'kept' AS text");
    await first[Symbol.asyncDispose]();
    expect(await findSurvivors(serverOf(folder.path))).toEqual([]);
    expect(existsSync(first.connection.host)).toBe(false);

    await using second = await open(folder.path);
    expect(second.connection).toEqual(first.connection);
    expect(await query(second, 'TABLE notes')).toEqual([{ text: 'kept' }]);
  });

  test('gives the daemon a role that is no superuser and lets nobody else in', async () => {
    await using folder = await openTemporaryFolder();
    await using postgres = await open(folder.path);
    const [role] = await query(postgres, 'SELECT * FROM pg_roles WHERE rolname = current_user');
    expect(role).toMatchObject({ rolsuper: false, rolcreatedb: false, rolcreaterole: false });
    await expect(query(postgres, 'SELECT 1', { user: 'postgres_admin' })).rejects.toThrow(
      'no pg_hba.conf entry',
    );
    await expect(query(postgres, 'SELECT 1', { password: 'wrong' })).rejects.toThrow(
      'password authentication',
    );
    expect(await query(postgres, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '' }]);
  });

  test('writes durably, whatever the environment of the daemon says, and learns none of its secrets', async () => {
    await using folder = await openTemporaryFolder();
    const env = { ...process.env, PGPORT: '1', PGDATA: '/nowhere', ENCRYPTION_KEY: 'a-secret' };
    await using postgres = await open(folder.path, new RecordingLogger(), env);
    const [settings] = await query(
      postgres,
      "SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit",
    );
    expect(settings).toEqual({ fsync: 'on', commit: 'on' });
    const [pid] = await findSurvivors(serverOf(folder.path));
    expect(await readFile(`/proc/${pid}/environ`, 'latin1')).not.toContain('a-secret');
  });

  test('is started again when it is killed, with the same connection', async () => {
    await using folder = await openTemporaryFolder();
    const log = new RecordingLogger();
    await using postgres = await open(folder.path, log);
    await query(postgres, "CREATE TABLE notes AS SELECT 'kept' AS text");
    const [pid = 0] = await findSurvivors(serverOf(folder.path));
    const back = log.next('An embedded server serves again');
    process.kill(pid, 'SIGKILL');
    await back;
    expect(await query(postgres, 'TABLE notes')).toEqual([{ text: 'kept' }]);
    expect(log.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', message: 'An embedded server ended by itself' }),
    );
  });

  test('works under a data folder whose path is longer than that of a socket may be', async () => {
    await using folder = await openTemporaryFolder();
    const path = join(
      folder.path,
      'a folder, "quoted"',
      ...Array.from({ length: 5 }, () => 'long'.repeat(20)),
    );
    await mkdir(path, { recursive: true });
    await using postgres = await open(path);
    expect(await query(postgres, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('does not take a pid that belongs to another program by now for its own', async () => {
    await using folder = await openTemporaryFolder();
    const first = await open(folder.path);
    await first[Symbol.asyncDispose]();
    const lines = [process.pid, join(folder.path, 'postgres', 'data'), 1, 5432, '/tmp', '', '0 0', 'ready'];
    await writeFile(join(folder.path, 'postgres', 'data', 'postmaster.pid'), `${lines.join('\n')}\n`);
    await using second = await open(folder.path);
    expect(await query(second, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('clears what a set-up that was killed half-way left', async () => {
    await using folder = await openTemporaryFolder();
    await mkdir(join(folder.path, 'postgres.partial-killed', 'data'), { recursive: true });
    await using postgres = await open(folder.path);
    expect(await query(postgres, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await readdir(folder.path)).toEqual(['postgres']);
  });
});

describe('what PostgreSQL cannot be started on', () => {
  test('a database of another version is named, with a remedy, and nothing is left running', async () => {
    await using folder = await openTemporaryFolder();
    await (await open(folder.path))[Symbol.asyncDispose]();
    await writeFile(join(folder.path, 'postgres', 'data', 'PG_VERSION'), '12\n');
    const refusal = open(folder.path);
    await expect(refusal).rejects.toMatchObject({ code: 'EMBEDDED_POSTGRES_FAILED' });
    await expect(refusal).rejects.toThrow(/PostgreSQL 12;.*pg_dump.*DATABASE_URL/);
    expect(await findSurvivors(serverOf(folder.path))).toEqual([]);
  });

  test('the reason of the server itself is part of the error', async () => {
    await using folder = await openTemporaryFolder();
    const first = await open(folder.path);
    await first[Symbol.asyncDispose]();
    await writeFile(join(folder.path, 'postgres', 'data', 'postgresql.conf'), 'no_such_setting = 1\n');
    const refusal = open(folder.path);
    await expect(refusal).rejects.toMatchObject({ code: 'EMBEDDED_POSTGRES_FAILED' });
    await expect(refusal).rejects.toThrow('no_such_setting');
    expect(existsSync(first.connection.host)).toBe(false);
  });

  test('an opening that is called off leaves nothing', async () => {
    await using folder = await openTemporaryFolder();
    const cancel = new AbortController();
    const log = new RecordingLogger();
    const opening = openEmbeddedPostgres({ dataPath: folder.path, log, env: process.env }, cancel);
    void log.next('The embedded PostgreSQL is being set up').then(() => cancel.abort());
    await expect(opening).rejects.toThrow('aborted');
    expect(await findSurvivors(serverOf(folder.path))).toEqual([]);
  });
});
