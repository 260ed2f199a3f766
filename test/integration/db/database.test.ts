import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDatabase } from '../../../src/db/database.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { silentLog } from '../../support/silent-log.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

/** The test database behind a TCP port, since a Unix socket cannot lose its other end unnoticed. */
async function openTcpDoor() {
  const { host, port } = database.connection;
  const server = createServer((outer) => {
    const inner = connect(`${host}/.s.PGSQL.${port}`);
    outer.pipe(inner).pipe(outer);
    for (const socket of [outer, inner]) socket.on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

/** What the kernel has on its clock for each connection to the port: `02` is the probe of an idle one. */
async function timersOfConnectionsTo(port: number): Promise<(string | undefined)[]> {
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map((line) => line.trim().split(/\s+/));
  return rows.filter((row) => row[2]?.endsWith(remote)).map((row) => row[5]?.slice(0, 2));
}

it('asks an idle connection whether its other end is still there', async () => {
  await using door = await openTcpDoor();
  const connection = { ...database.connection, host: '127.0.0.1', port: door.port };
  await using opened = openDatabase({ connection, log: silentLog });
  await sql`select 1`.execute(opened.db);
  expect(await timersOfConnectionsTo(door.port)).toEqual(['02']);
});

it('lets the server end the transaction of a daemon that vanished, whose locks others wait for', async () => {
  await using opened = openDatabase({ connection: database.connection, log: silentLog });
  const { rows } = await sql<{ after: string }>`
    select current_setting('idle_in_transaction_session_timeout') as after`.execute(opened.db);
  expect(rows).toEqual([{ after: '1min' }]);
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
