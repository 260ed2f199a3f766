import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, type InstanceId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { markAccountDeleted } from '../../../src/db/account-removal.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import {
  adoptAbandonedAccounts,
  hasOtherInstances,
  isInstanceGone,
  openInstancePresence,
} from '../../../src/db/instance-presence.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { silentLog as log } from '../../support/silent-log.ts';

const HERE = parseInstanceId('here');
const THERE = parseInstanceId('there');
const { signal } = new AbortController();

const stack = new AsyncDisposableStack();
let database: TestDatabase;
let db: Executor;
beforeAll(async () => {
  database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log, poolSize: 4 })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  await db.deleteFrom('accounts').execute();
});

const show = (instanceId: InstanceId) =>
  openInstancePresence({ connection: database.connection, instanceId, log });
const adopt = (instanceId: InstanceId, graceMs = 0) =>
  adoptAbandonedAccounts(db, instanceId, { signal, graceMs });

async function insertWanted(instanceId: InstanceId): Promise<AccountId> {
  const id = await insertTestAccount(db);
  await makeAccountStore(db).saveStart(id, instanceId);
  return id;
}

async function listWanted(instanceId: InstanceId): Promise<readonly AccountId[]> {
  return (await makeAccountStore(db).listWanted(instanceId)).map(({ id }) => id);
}

/** Processes of the server that hold a lock of the kind by which instances show themselves. */
async function listHolders(): Promise<readonly number[]> {
  const { rows } = await sql<{ pid: number }>`
    select pid from pg_locks join pg_database on pg_database.oid = database
    where datname = current_database() and locktype = 'advisory' and mode = 'ShareLock' and granted`.execute(
    db,
  );
  return rows.map(({ pid }) => pid);
}

describe('accounts of an instance that is gone', () => {
  it('go to one that comes up, and are counted', async () => {
    await using _here = await show(HERE);
    const other = parseInstanceId('other');
    const ids = [await insertWanted(THERE), await insertWanted(THERE), await insertWanted(other)];
    expect(await adopt(HERE)).toEqual([
      { from: other, accounts: 1 },
      { from: THERE, accounts: 2 },
    ]);
    expect(await listWanted(HERE)).toEqual(ids);
    expect(await adopt(HERE)).toEqual([]);
  });

  it('stay where they are if nobody wants them, or they were deleted', async () => {
    await using _here = await show(HERE);
    const rested = await insertWanted(THERE);
    await makeAccountStore(db).saveRest(rested, { reason: 'exported' });
    await markAccountDeleted(db, await insertWanted(THERE));
    expect(await adopt(HERE)).toEqual([]);
    expect((await makeAccountStore(db).getAccount(rested)).instanceId).toBe(THERE);
  });

  it('go to one of two that come up at the same moment', async () => {
    const second = parseInstanceId('second');
    await using _here = await show(HERE);
    await using _second = await show(second);
    const id = await insertWanted(THERE);
    await Promise.all([adopt(HERE), adopt(second)]);
    // Each tries the lock of the other's find for a moment; a second look is as good as a later start.
    await adopt(HERE);
    const owners = await Promise.all([listWanted(HERE), listWanted(second)]);
    expect(owners.flat()).toEqual([id]);
  });
});

describe('accounts of an instance that is alive', () => {
  it('are not touched, until it ends', async () => {
    await using _here = await show(HERE);
    const there = await show(THERE);
    const id = await insertWanted(THERE);
    expect(await adopt(HERE)).toEqual([]);
    expect(await listWanted(THERE)).toEqual([id]);
    await there[Symbol.asyncDispose]();
    expect(await adopt(HERE)).toEqual([{ from: THERE, accounts: 1 }]);
  });

  it('are not touched either when it comes back within the grace', async () => {
    await using _here = await show(HERE);
    await insertWanted(THERE);
    // Far longer than it takes the instance to come back.
    const adopted = adopt(HERE, 2_000);
    await using _there = await show(THERE);
    expect(await adopted).toEqual([]);
  });
});

it('tells whether others are there, each counted once', async () => {
  expect(await hasOtherInstances(db, HERE)).toBe(false);
  await using _here = await show(HERE);
  await using _lingering = await show(HERE);
  expect(await hasOtherInstances(db, HERE)).toBe(false);
  {
    await using _there = await show(THERE);
    expect(await hasOtherInstances(db, HERE)).toBe(true);
    expect(await hasOtherInstances(db, THERE)).toBe(true);
  }
  expect(await hasOtherInstances(db, HERE)).toBe(false);
});

it('tells whether an instance is gone, which one that only lost its connection is not', async () => {
  const isGone = (graceMs: number) => isInstanceGone(db, THERE, { signal, graceMs });
  expect(await isGone(0)).toBe(true);
  // Far longer than it takes the instance to come back.
  const answer = isGone(2_000);
  await using there = await show(THERE);
  expect(await answer).toBe(false);
  expect(await isGone(600_000)).toBe(false);
  await there[Symbol.asyncDispose]();
  expect(await isGone(0)).toBe(true);
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
  await insertWanted(THERE);
  expect(await adopt(HERE)).toEqual([]);
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
