import { uptime } from 'node:os';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, type InstanceId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { endRun, listFreeAccounts, listRuns, type Run } from '../../../src/db/lease-store.ts';
import { HeldElsewhereError } from '../../../src/instances/lease.ts';
import type { LeaseKeeperDeps } from '../../../src/instances/lease-keeper.ts';
import { LEASE_TERMS } from '../../../src/instances/lease-terms.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { openShortLeases, SHORT_TERMS } from '../../support/short-leases.ts';
import { silentLog } from '../../support/silent-log.ts';
import { openTcpDoor } from '../../support/tcp-door.ts';

const HERE = parseInstanceId('here');
const THERE = parseInstanceId('there');
const LAPSED = 'The leases of this instance lapsed: its sessions stop until the database answers';
const stack = new AsyncDisposableStack();
let database: TestDatabase;
let db: Executor;
beforeAll(async () => {
  database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog, poolSize: 4 })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  await db.deleteFrom('accounts').execute();
  await db.deleteFrom('instances').execute();
});

const open = (instanceId: InstanceId, more: Partial<LeaseKeeperDeps> = {}) =>
  openShortLeases({ db, connection: database.connection }, instanceId, more);

/** An instance whose own connection goes through a door; its pool does not. */
async function openBehindDoor(instanceId: InstanceId, more: Partial<LeaseKeeperDeps> = {}) {
  const door = await openTcpDoor(database.connection);
  const connection = { ...database.connection, host: '127.0.0.1', port: door.port };
  const keeper = await open(instanceId, { connection, ...more });
  return {
    door,
    keeper,
    async [Symbol.asyncDispose]() {
      await keeper[Symbol.asyncDispose]();
      await door[Symbol.asyncDispose]();
    },
  };
}

async function insertWanted(instanceId: InstanceId): Promise<AccountId> {
  const id = await insertTestAccount(db);
  await makeAccountStore(db).saveStart(id, instanceId);
  return id;
}

const told = (subscribe: (listener: () => void) => void) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  subscribe(resolve);
  return promise;
};

/** What the keeper of an instance is to take, once that is something. */
async function untilDue(keeper: Awaited<ReturnType<typeof open>>): Promise<readonly AccountId[]> {
  for (;;) {
    const tick = Promise.withResolvers<void>();
    keeper.onTick(tick.resolve);
    await tick.promise;
    const found = await keeper.freeAndListDue();
    if (found.length > 0) return found;
  }
}

describe('what an instance held', () => {
  it('goes to another when it ends, and is told at once', async () => {
    const accountId = await insertWanted(HERE);
    const here = await open(HERE);
    expect(await here.freeAndListDue()).toEqual([accountId]);
    const lease = await here.take(accountId);
    expect(await here.take(accountId)).toBe(lease);
    expect([here.find(accountId), here.held()]).toEqual([lease, [accountId]]);
    await using there = await open(THERE, { terms: { ...SHORT_TERMS, tickMs: 600_000 } });
    await expect(there.take(accountId)).rejects.toThrow(HeldElsewhereError);
    expect(there.hasOthers()).toBe(true);
    expect(await there.freeAndListDue()).toEqual([]);
    const due = untilDue(there);
    await here[Symbol.asyncDispose]();
    await here[Symbol.asyncDispose]();
    expect(here.find(accountId)).toBeUndefined();
    expect(await due).toEqual([accountId]);
    expect((await there.take(accountId)).epoch).toBeGreaterThan(lease.epoch);
  });

  it('is dealt to others as soon as it is given back, and not to one that drains', async () => {
    const accountId = await insertWanted(HERE);
    await using here = await open(HERE);
    await using there = await open(THERE);
    await here.take(accountId);
    await here.drain();
    await here.release(accountId);
    await here.release(accountId);
    expect(await here.freeAndListDue()).toEqual([]);
    expect(await untilDue(there)).toEqual([accountId]);
  });

  it('is taken by another that has room if the one it is dealt to leaves it lying', async () => {
    const accountId = await insertWanted(HERE);
    await using here = await open(HERE);
    await using there = await open(THERE);
    expect(await there.freeAndListDue()).toEqual([]);
    expect(await untilDue(there)).toEqual([accountId]);
    expect(await here.freeAndListDue()).toEqual([accountId]);
  });
});

describe('an instance that cannot renew', () => {
  it('says that its sessions must stop, and goes on with what nobody took once it can', async () => {
    const accountId = await insertWanted(HERE);
    const log = new RecordingLogger();
    await using here = await openBehindDoor(HERE, { log });
    const { keeper, door } = here;
    const before = await keeper.take(accountId);
    const lapsed = told(keeper.onLapse.bind(keeper));
    await door.shut();
    await lapsed;
    expect([keeper.run, keeper.find(accountId), keeper.held()]).toEqual([undefined, undefined, []]);
    expect(keeper.leftMs()).toBe(0);
    expect(log.lines.filter(({ message }) => message === LAPSED)).toHaveLength(1);
    await expect(keeper.take(accountId)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const back = told(keeper.onRun.bind(keeper));
    await door.open();
    await back;
    const after = keeper.find(accountId);
    expect(after?.run).toBe(keeper.run);
    expect(after?.epoch).toBeGreaterThan(before.epoch);
    expect(after?.previousEpoch).toBe(before.epoch);
  });

  it('loses what it held to another, but not before it has said so', async () => {
    const accountId = await insertWanted(HERE);
    await using there = await open(THERE);
    await using here = await openBehindDoor(HERE);
    const { keeper, door } = here;
    await keeper.take(accountId);
    let hasLapsed = false;
    keeper.onLapse(() => {
      hasLapsed = true;
    });
    await door.shut();
    expect(await untilDue(there)).toEqual([accountId]);
    expect(hasLapsed).toBe(true);
    await there.take(accountId);
    const back = told(keeper.onRun.bind(keeper));
    await door.open();
    await back;
    expect(keeper.held()).toEqual([]);
    await expect(keeper.take(accountId)).rejects.toMatchObject({ instanceId: THERE });
  });

  it('makes a new connection where one goes silent, and keeps its leases', async () => {
    const accountId = await insertWanted(HERE);
    const log = new RecordingLogger();
    await using here = await openBehindDoor(HERE, { log, terms: { ...SHORT_TERMS, renewDeadlineMs: 300 } });
    const lease = await here.keeper.take(accountId);
    const cut = log.next('The leases of this instance could not be renewed');
    here.door.silence();
    await cut;
    await renewedAfter(here.keeper.run, new Date());
    expect(here.keeper.find(accountId)).toBe(lease);
  });

  it('is not one whose pool is busy', async () => {
    await using busy = openDatabase({ connection: database.connection, log: silentLog, poolSize: 1 });
    await using here = await open(HERE, { db: busy.db });
    await busy.db.transaction().execute(async () => {
      await renewedAfter(here.run, new Date());
      await renewedAfter(here.run, new Date());
    });
  });
});

/** Resolves when the run was renewed after that. */
async function renewedAfter(run: number | undefined, at: Date): Promise<void> {
  const find = async (): Promise<Run | undefined> => (await listRuns(db)).find((each) => each.run === run);
  for (;;) {
    const found = await find();
    if (found === undefined) throw new Error('There is no such run.');
    if (found.renewedAt > at) return;
  }
}

it('stops what it holds at its next renewal if somebody has ended its run, and goes on under another', async () => {
  const accountId = await insertWanted(HERE);
  await using here = await open(HERE);
  const before = await here.take(accountId);
  const lapsed = told(here.onLapse.bind(here));
  const back = told(here.onRun.bind(here));
  await endRun(db, before.run);
  await lapsed;
  expect(here.find(accountId)).toBeUndefined();
  await back;
  expect([here.held(), await here.freeAndListDue()]).toEqual([[], [accountId]]);
  expect((await here.take(accountId)).run).toBeGreaterThan(before.run);
});

it('waits for the former daemon of the same name while that shows itself, and then has what it held', async () => {
  const accountId = await insertWanted(HERE);
  const former = await openBehindDoor(HERE);
  await former.keeper.take(accountId);
  const log = new RecordingLogger();
  const waits = log.next(
    'Another daemon runs under the same INSTANCE_ID, or did until now; this one waits until it is over',
  );
  const opened = open(HERE, { log });
  await waits;
  await former.door.shut();
  await using now = await opened;
  expect(now.held()).toEqual([accountId]);
  await former[Symbol.asyncDispose]();
  expect(await listRuns(db)).toMatchObject([{ run: now.run, held: 1 }]);
});

it.each([
  ['elsewhere', 'until its lease has lapsed', false],
  ['displaced', 'a moment', true],
] as const)(
  'waits for a former daemon of the same name that was cut off, %s: %s',
  async (sight, _, isSoon) => {
    const accountId = await insertWanted(HERE);
    const host = { text: 'node', lookAt: () => sight } as const;
    // Only its own connection is cut, and only for itself: nobody else knows how long that lasts.
    await using former = await openBehindDoor(HERE, { host });
    const lease = await former.keeper.take(accountId);
    await former.door.shut();
    await using now = await open(HERE, { host: { ...host, text: 'other node' } });
    expect(former.keeper.find(accountId)).toBe(isSoon ? lease : undefined);
    expect(now.held()).toEqual([accountId]);
  },
);

it('ends the run of a process of this machine that is gone, before it lapses', async () => {
  const accountId = await insertWanted(HERE);
  const host = { text: 'dead', lookAt: (text: string) => (text === 'dead' ? 'gone' : 'alive') } as const;
  const former = await openBehindDoor(HERE, { host, terms: LEASE_TERMS });
  await former.keeper.take(accountId);
  await using there = await open(THERE, {
    host: { ...host, text: 'other' },
    terms: { ...SHORT_TERMS, deadGraceMs: 100 },
  });
  expect(await untilDue(there)).toEqual([accountId]);
  await former[Symbol.asyncDispose]();
});

it.each(['gone', 'elsewhere'] as const)(
  'takes nothing of an instance that is over (%s) while a browser of it is seen',
  async (sight) => {
    const accountId = await insertWanted(HERE);
    const host = { text: 'dead', lookAt: (text: string) => (text === 'dead' ? sight : 'alive') } as const;
    const former = await openBehindDoor(HERE, { host, terms: LEASE_TERMS });
    await former.keeper.take(accountId);
    await former.door.shut();
    if (sight !== 'gone') await sql`update instances set lease_until = clock_timestamp()`.execute(db);
    const asked: (readonly AccountId[])[] = [];
    let isLeft = true;
    await using there = await open(THERE, {
      host: { ...host, text: 'other' },
      endBrowsers: async ({ accountIds, instanceId, isStillOurs }) => {
        expect([instanceId, isStillOurs()]).toEqual([HERE, true]);
        asked.push(accountIds);
        return !isLeft;
      },
      terms: { ...SHORT_TERMS, deadGraceMs: 100 },
    });
    while (asked.length < 3) {
      await told(there.onTick.bind(there));
      expect(await there.freeAndListDue()).toEqual([]);
    }
    isLeft = false;
    expect(await untilDue(there)).toEqual([accountId]);
    expect(asked).toContainEqual([accountId]);
    await former[Symbol.asyncDispose]();
  },
);

it('has no say any more over the browsers of another run once its own has lapsed', async () => {
  const accountId = await insertWanted(HERE);
  const host = { text: 'dead', lookAt: () => 'elsewhere' as const };
  const former = await openBehindDoor(HERE, { host, terms: LEASE_TERMS });
  await former.keeper.take(accountId);
  await former.door.shut();
  await sql`update instances set lease_until = clock_timestamp()`.execute(db);
  let stoodStillMs = 0;
  const said: boolean[] = [];
  await using there = await open(THERE, {
    host: { ...host, text: 'other' },
    uptimeMs: () => uptime() * 1_000 + stoodStillMs,
    endBrowsers: async ({ isStillOurs }) => {
      said.push(isStillOurs());
      stoodStillMs = SHORT_TERMS.aloneTermMs;
      said.push(isStillOurs());
      return false;
    },
  });
  expect(await there.freeAndListDue()).toEqual([]);
  expect(said).toEqual([true, false]);
  await former[Symbol.asyncDispose]();
});

it('leaves its leases to lapse where a browser of an account that it holds lives on at its end', async () => {
  const accountId = await insertWanted(HERE);
  const asked: (readonly AccountId[])[] = [];
  const hasBrowsers = (accountIds: readonly AccountId[]) => asked.push(accountIds) > 0;
  let run: number | undefined;
  {
    await using here = await open(HERE, { hasBrowsers });
    await here.take(accountId);
    run = here.run;
  }
  expect(asked).toEqual([[accountId]]);
  expect((await listRuns(db)).map((each) => each.run)).toEqual([run]);
  await endRun(db, run ?? 0);
});

it('leaves its leases to lapse where it cannot be seen whether such a browser lives on, and ends', async () => {
  const accountId = await insertWanted(HERE);
  const hasBrowsers = () => {
    throw new Error('EMFILE: too many open files');
  };
  let run: number | undefined;
  {
    await using here = await open(HERE, { hasBrowsers });
    await here.take(accountId);
    run = here.run;
  }
  expect((await listRuns(db)).map((each) => each.run)).toEqual([run]);
  await endRun(db, run ?? 0);
});

it('tells the guard until when browsers may run, unless nobody else can reach the database', async () => {
  const told: number[] = [];
  const guard = { allowUntil: (uptimeMs: number) => void told.push(uptimeMs) };
  {
    await using here = await open(HERE, { guard, uptimeMs: () => 1_000_000 });
    expect(here.hasOthers()).toBe(false);
    expect(here.leftMs()).toBe(SHORT_TERMS.aloneTermMs - SHORT_TERMS.stopMarginMs);
  }
  expect(told).toEqual([1_000_000 + SHORT_TERMS.aloneTermMs - SHORT_TERMS.killMarginMs]);
  await using own = await open(HERE, { guard, exclusive: true });
  expect([own.run, own.leftMs()]).toEqual([expect.any(Number), Number.POSITIVE_INFINITY]);
  expect(told).toHaveLength(1);
});

it('has all browsers killed before it enters another run where somebody else ended its own', async () => {
  const until: number[] = [];
  await using here = await open(HERE, { guard: { allowUntil: (uptimeMs) => void until.push(uptimeMs) } });
  const lapsed = told(here.onLapse.bind(here));
  const back = told(here.onRun.bind(here));
  await endRun(db, here.run ?? 0);
  await lapsed;
  const killAt = until.at(-1) ?? Number.POSITIVE_INFINITY;
  expect(killAt - uptime() * 1_000).toBeLessThanOrEqual(SHORT_TERMS.stopMarginMs - SHORT_TERMS.killMarginMs);
  const words = until.length;
  await back;
  expect(until).toHaveLength(words + 1);
  expect(uptime() * 1_000).toBeGreaterThan(killAt);
});

it('counts by the shorter term before the database does, once another instance is there', async () => {
  const { aloneTermMs, sharedTermMs } = LEASE_TERMS;
  const isShort = Promise.withResolvers<void>();
  let onShort: () => void = () => undefined;
  const guard = {
    allowUntil: (untilMs: number) => {
      if (untilMs - uptime() * 1_000 >= sharedTermMs) return;
      onShort();
      isShort.resolve();
    },
  };
  const terms = { ...LEASE_TERMS, renewEveryMs: 100, renewDeadlineMs: 1_000 };
  await using here = await openBehindDoor(HERE, { guard, terms });
  // The statement that shortens it in the database is lost.
  onShort = () => here.door.silence();
  await using _there = await open(THERE);
  await isShort.promise;
  const termOf = async () => {
    const [first] = await listRuns(db);
    return Number(first?.leaseUntil) - Number(first?.renewedAt);
  };
  expect(await termOf()).toBeGreaterThan(aloneTermMs / 2);
  expect(here.keeper.hasOthers()).toBe(true);
  onShort = () => undefined;
  await expect.poll(termOf, { timeout: 10_000 }).toBeLessThanOrEqual(sharedTermMs + 1);
});

it('ends although the database does not answer, and leaves the rest to lapse', async () => {
  const accountId = await insertWanted(HERE);
  const { keeper, door } = await openBehindDoor(HERE);
  await keeper.take(accountId);
  door.silence();
  await keeper[Symbol.asyncDispose]();
  expect(keeper.find(accountId)).toBeUndefined();
  expect(await listFreeAccounts(db)).toEqual([]);
  await sql`update instances set lease_until = clock_timestamp()`.execute(db);
  await using there = await open(THERE);
  expect(await there.freeAndListDue()).toEqual([accountId]);
  await door[Symbol.asyncDispose]();
});
