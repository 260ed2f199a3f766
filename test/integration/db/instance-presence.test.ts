import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type InstanceId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import {
  type InstancePresence,
  isShownByAnother,
  openInstancePresence,
} from '../../../src/db/instance-presence.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { silentLog as log } from '../../support/silent-log.ts';

const HERE = parseInstanceId('here');
const THERE = parseInstanceId('there');
/** Far more than an answer takes on a busy machine. */
const DEADLINE_MS = 20_000;

const stack = new AsyncDisposableStack();
let database: TestDatabase;
let db: Executor;
beforeAll(async () => {
  database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log, poolSize: 4 })).db;
});
afterAll(() => stack.disposeAsync());

const show = (instanceId: InstanceId) =>
  openInstancePresence({ connection: database.connection, instanceId, log });
/** Processes of the server that hold a lock of the kind by which instances show themselves. */
async function listHolders(): Promise<readonly number[]> {
  const { rows } = await sql<{ pid: number }>`
    select pid from pg_locks join pg_database on pg_database.oid = database
    where datname = current_database() and locktype = 'advisory' and mode = 'ShareLock' and granted`.execute(
    db,
  );
  return rows.map(({ pid }) => pid);
}

it('tells whether another daemon shows itself under the same name, until that one ends', async () => {
  const isShown = (presence: InstancePresence) =>
    presence.ask((line) => isShownByAnother(line, HERE), DEADLINE_MS);
  await using here = await show(HERE);
  await using _there = await show(THERE);
  expect(await isShown(here)).toBe(false);
  const former = await show(HERE);
  expect(await isShown(here)).toBe(true);
  await former[Symbol.asyncDispose]();
  expect(await isShown(here)).toBe(false);
});

it('shows an instance also while its former connection lingers', async () => {
  await using _former = await show(HERE);
  await using _now = await show(HERE);
  expect(await listHolders()).toHaveLength(2);
});

it('shows an instance again after its connection was lost', async () => {
  await using _there = await show(THERE);
  const [former] = await listHolders();
  await sql`select pg_terminate_backend(${former})`.execute(db);
  let [now] = await listHolders();
  while (now === undefined || now === former) [now] = await listHolders();
  await using here = await show(HERE);
  expect(await here.ask((line) => isShownByAnother(line, THERE), DEADLINE_MS)).toBe(true);
});

/** The test database behind a TCP port that can stop passing anything on. */
async function openTcpDoor() {
  const { host, port } = database.connection;
  const sockets: Socket[] = [];
  const server = createServer((outer) => {
    const inner = connect(`${host}/.s.PGSQL.${port}`);
    outer.pipe(inner).pipe(outer);
    for (const socket of [outer, inner]) socket.on('error', () => undefined);
    sockets.push(outer, inner);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    freeze: () => sockets.map((socket) => socket.unpipe().pause()),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

it('closes although the server does not answer any more', async () => {
  await using door = await openTcpDoor();
  const connection = { ...database.connection, host: '127.0.0.1', port: door.port };
  const presence = await openInstancePresence({ connection, instanceId: HERE, log });
  door.freeze();
  await presence[Symbol.asyncDispose]();
  await presence[Symbol.asyncDispose]();
}, 10_000);

it('fails at once where there is no server', async () => {
  const connection = { ...database.connection, port: 1 };
  await expect(openInstancePresence({ connection, instanceId: HERE, log })).rejects.toThrow('ENOENT');
});
