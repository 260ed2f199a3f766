import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Phone } from '../../simulator/client.ts';
import { type OpenDatabase, openDatabase } from '../../src/db/database.ts';
import { LEASE_TERMS } from '../../src/instances/lease-terms.ts';
import { openTestDatabase } from '../support/database.ts';
import { EQUAL_TO_TRUTH, type JudgedAccount, settleWithTruth } from '../support/ground-truth.ts';
import { type OwnRedis, openOwnRedis } from '../support/own-redis.ts';
import { silentLog } from '../support/silent-log.ts';
import { findProcesses, openStage, type Stage } from '../support/stage.ts';
import { openTcpDoor, type TcpDoor } from '../support/tcp-door.ts';

/** An instance that was not alone would have had to stop its sessions by then. */
const OUTAGE_MS = LEASE_TERMS.sharedTermMs;

const stack = new AsyncDisposableStack();
let stage: Stage;
/** The daemon's way to PostgreSQL. */
let door: TcpDoor;
let redis: OwnRedis;
let db: OpenDatabase['db'];
let shop: Phone;
let alice: Phone;
let account: JudgedAccount;
let carried = 0;

beforeAll(async () => {
  const { connection } = stack.use(await openTestDatabase());
  door = stack.use(await openTcpDoor(connection));
  redis = stack.use(await openOwnRedis(['--maxmemory-policy', 'noeviction']));
  db = stack.use(openDatabase({ connection, log: silentLog, poolSize: 2 })).db;
  const { user, password, database } = connection;
  stage = stack.use(
    await openStage({
      env: {
        DATABASE_URL: `postgresql://${user}:${password}@127.0.0.1:${door.port}/${database}`,
        REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      },
    }),
  );
  [shop, alice] = [await stage.world.phone('shop'), await stage.world.phone('alice')];
  account = { accountId: await stage.link(shop), phone: shop };
});
afterAll(() => stack.disposeAsync());

/** So many messages to the account: all at once, or so many a second. */
async function burst(count: number, text: string, rate?: number): Promise<readonly string[]> {
  const pace = rate === undefined ? {} : { rate };
  const { ids } = await stage.world.burst({ from: ['alice'], to: shop, count, text, ...pace });
  carried += count;
  return ids;
}

async function send(text: string): Promise<string> {
  const id = await stage.api.send(account.accountId, { to: `+${alice.number}`, text });
  carried += 1;
  return id;
}

async function expectTruth(): Promise<void> {
  expect(await settleWithTruth(stage.api, stage.world, account)).toEqual({ ...EQUAL_TO_TRUTH, carried });
}

/** The run that holds the account, whose it is, and until when it is valid. */
async function getHolder() {
  return await db
    .selectFrom('accounts')
    .innerJoin('instances', 'instances.run', 'accounts.lease_run')
    .select(['instances.run', 'instances.instance_id as instanceId', 'instances.lease_until as leaseUntil'])
    .where('accounts.id', '=', account.accountId)
    .executeTakeFirstOrThrow();
}

async function getDevice() {
  const { devices } = await shop.view();
  expect(devices).toHaveLength(1);
  const [{ id, logins, overlaps } = { id: '', logins: 0, overlaps: 0 }] = devices;
  return { id, logins, overlaps };
}

it('works on a PostgreSQL and a Redis that are given', async () => {
  expect(findProcesses(`${stage.folder}/data/postgres`)).toEqual([]);
  expect(findProcesses(`${stage.folder}/data/redis`)).toEqual([]);
  const [first = ''] = await burst(50, 'before ');
  await send('hello');
  await alice.react(first, '👍');
  const reaction = await stage.api.until('The reaction', () =>
    db.selectFrom('message_reactions').select(['emoji', 'sender_id']).executeTakeFirst(),
  );
  expect(reaction).toEqual({ emoji: '👍', sender_id: alice.jid });
  await expectTruth();
});

it('rides out a restart of Redis', async () => {
  await redis.kill();
  await burst(50, 'without Redis ');
  const waiting = await send('accepted without Redis');
  await redis.start();
  await expectTruth();
  await stage.api.message(
    account.accountId,
    'the message that was accepted without Redis',
    (message) => message.messageId === waiting && message.status === 'delivered',
  );
});

it('rides out an outage of PostgreSQL, alone, that is longer than a lease among several', async () => {
  const before = { device: await getDevice(), browsers: stage.browsers(), run: (await getHolder()).run };
  await door.shut();
  // What the page receives shows that it is there, all the while.
  const ids = await burst(OUTAGE_MS / 1_000, 'without PostgreSQL ', 1);
  await stage.world.waitFor({ receipted: ids.at(-1) ?? '', phone: 'shop' });
  await door.open();
  await send('after the outage');
  await expectTruth();
  const after = { device: await getDevice(), browsers: stage.browsers(), run: (await getHolder()).run };
  expect(after).toEqual(before);
});

it('has its account back after a SIGKILL as the same instance, long before the lease of its former run lapses', async () => {
  const { id, logins } = await getDevice();
  const former = await getHolder();
  await stage.daemon().kill();
  await stage.start();
  await stage.api.reached(account.accountId, 'Connected');
  const connectedAt = Date.now();
  const holder = await getHolder();
  expect(holder.instanceId).toBe(former.instanceId);
  expect(Number(holder.run)).toBeGreaterThan(Number(former.run));
  expect(former.leaseUntil.getTime() - connectedAt).toBeGreaterThan(LEASE_TERMS.sharedTermMs);
  expect(await getDevice()).toEqual({ id, logins: logins + 1, overlaps: 0 });
  await burst(1, 'after the restart ');
  await expectTruth();
});
