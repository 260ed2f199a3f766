import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDatabase } from '../../../src/db/database.ts';
import { LEASE_TERMS } from '../../../src/instances/lease-terms.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { silentLog } from '../../support/silent-log.ts';
import { openTcpDoor } from '../../support/tcp-door.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

/** What the kernel has on its clock for each connection to the port: `02` is the probe of an idle one. */
async function timersOfConnectionsTo(port: number): Promise<(string | undefined)[]> {
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map((line) => line.trim().split(/\s+/));
  return rows.filter((row) => row[2]?.endsWith(remote)).map((row) => row[5]?.slice(0, 2));
}

it('asks an idle connection whether its other end is still there', async () => {
  await using door = await openTcpDoor(database.connection);
  const connection = { ...database.connection, host: '127.0.0.1', port: door.port };
  await using opened = openDatabase({ connection, log: silentLog });
  await sql`select 1`.execute(opened.db);
  expect(await timersOfConnectionsTo(door.port)).toEqual(['02']);
});

it('lets the server end the transaction of a daemon that vanished before others may have its accounts, and wait for its locks', async () => {
  await using opened = openDatabase({ connection: database.connection, log: silentLog });
  const { rows } = await sql<{ afterMs: number }>`
    select extract(epoch from current_setting('idle_in_transaction_session_timeout')::interval)::integer * 1000
      as "afterMs"`.execute(opened.db);
  expect(rows[0]?.afterMs).toBeGreaterThanOrEqual(10_000);
  expect(rows[0]?.afterMs).toBeLessThan(LEASE_TERMS.sharedTermMs);
});

it('closes in time although a query is not answered', async () => {
  const opened = openDatabase({ connection: database.connection, log: silentLog });
  const connected = Promise.withResolvers<void>();
  const hanging = opened.db.connection().execute(async (connection) => {
    connected.resolve();
    await sql`select pg_sleep(600)`.execute(connection);
  });
  const failed = expect(hanging).rejects.toThrow('Connection terminated');
  await connected.promise;
  await opened[Symbol.asyncDispose]();
  await failed;
}, 10_000);

it('cuts a connection whose answer was lost when it is told to, and no other', async () => {
  await using door = await openTcpDoor(database.connection);
  const connection = { ...database.connection, host: '127.0.0.1', port: door.port };
  const log = new RecordingLogger();
  await using opened = openDatabase({ connection, log });
  const running = Promise.withResolvers<void>();
  let isCut = false;
  const lost = opened.db.connection().execute(async (line) => {
    await sql`select 1`.execute(line);
    door.silence();
    running.resolve();
    await sql`select 1`.execute(line);
  });
  const failed = expect(lost.finally(() => (isCut = true))).rejects.toThrow('Connection terminated');
  await running.promise;
  await opened.cutWaiting();
  expect(isCut).toBe(false);
  await opened.db.connection().execute(async (line) => {
    await sql`select 1`.execute(line);
    const cutting = async () => {
      await opened.cutWaiting();
      return isCut;
    };
    await expect.poll(cutting, { timeout: 15_000 }).toBe(true);
    await sql`select 1`.execute(line);
  });
  await failed;
  expect(log.lines).toContainEqual(
    expect.objectContaining({
      message: 'Database connections were cut that did not answer',
      fields: { connections: 1 },
    }),
  );
}, 20_000);

it('gives up a connection that is not made, so that another is tried', async () => {
  const silent = createServer((socket) => void socket.resume());
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const connection = { ...database.connection, host: '127.0.0.1', port };
  {
    await using opened = openDatabase({ connection, log: silentLog });
    await expect(sql`select 1`.execute(opened.db)).rejects.toThrow('timeout');
  }
  silent.close();
  await once(silent, 'close');
}, 20_000);

it('tells once that it is back from an outage that somebody met, however it showed', async () => {
  const door = await openTcpDoor(database.connection);
  const connection = { ...database.connection, host: '127.0.0.1', port: door.port };
  const log = new RecordingLogger();
  await using opened = openDatabase({ connection, log });
  const recoveries: PromiseWithResolvers<void>[] = [Promise.withResolvers(), Promise.withResolvers()];
  let told = 0;
  opened.onRecovered(() => {
    recoveries[told]?.resolve();
    told += 1;
  });
  // Once while a connection is idle, once at an attempt to get one.
  for (const recovered of recoveries) {
    await sql`select 1`.execute(opened.db);
    const away = log.next('The database does not answer; messages wait until it does');
    await door.shut();
    await expect(sql`select 1`.execute(opened.db)).rejects.toThrow();
    await away;
    expect(told).toBe(recoveries.indexOf(recovered));
    await door.open();
    await recovered.promise;
  }
  expect(told).toBe(2);
  await opened[Symbol.asyncDispose]();
  await door[Symbol.asyncDispose]();
});

it('takes a connection that breaks while others work for no outage', async () => {
  const log = new RecordingLogger();
  await using admin = openDatabase({ connection: database.connection, log: silentLog });
  await using opened = openDatabase({ connection: database.connection, log });
  opened.onRecovered(() => expect.fail('an outage'));
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(opened.db);
  const broken = log.next('A database connection broke while idle');
  await sql`select pg_terminate_backend(${rows[0]?.pid}::integer)`.execute(admin.db);
  await broken;
  await sql`select 1`.execute(opened.db);
  await opened[Symbol.asyncDispose]();
  expect(log.lines.map(({ message }) => message)).not.toContain('The database answers again');
});
