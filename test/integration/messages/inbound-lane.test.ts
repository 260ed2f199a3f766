import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import type { RedisConnection } from '../../../src/embedded/redis.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { openInboundLanes } from '../../../src/messages/inbound-lane.ts';
import { makeIngest } from '../../../src/messages/ingest.ts';
import { type OpenRedis, openRedis } from '../../../src/queue/connection.ts';
import { openConsumer } from '../../../src/queue/consumer.ts';
import { openQueues } from '../../../src/queue/producer.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import {
  ackEvent,
  insertTestAccount,
  makeJobs,
  messageEvent,
  ownMessageEvent,
  T0,
} from '../../support/inbound-events.ts';
import { openTestRedis } from '../../support/redis.ts';
import { scaled } from '../../support/scale.ts';
import { silentLog } from '../../support/silent-log.ts';

const instanceId = parseInstanceId('test');
const perAccount = scaled(1_000, 20_000);
const stack = new AsyncDisposableStack();
const never = new AbortController().signal;
let database: TestDatabase;
let location: RedisConnection;
let db: Executor;
let redis: OpenRedis;

beforeAll(async () => {
  database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
  const test = stack.use(openTestRedis());
  location = test.connection;
  redis = stack.use(await openRedis({ location, prefix: test.prefix, log: silentLog }));
});
afterAll(() => stack.disposeAsync());

/** Resolves when so many jobs' results were told; opens a consumer that stores. */
async function openStore(enough: (statuses: number) => boolean) {
  const done = Promise.withResolvers<void>();
  let added = 0;
  const process = makeIngest({
    db,
    log: silentLog,
    clock: systemClock,
    onStored: (_, result) => {
      added += result.added.length;
      if (enough(added)) done.resolve();
    },
  });
  const consumer = await openConsumer({ redis, queue: 'inbound', instanceId, process, log: silentLog });
  return { consumer, done: done.promise };
}

it('bursts of several accounts reach the database once, over a change of the consumer', async () => {
  await using queues = await openQueues({ redis, instanceId, log: silentLog });
  const lanes = openInboundLanes({
    add: (job, signal) => queues.add('inbound', job, { signal }),
    log: silentLog,
    onGap: () => expect.fail('a gap'),
  });
  const accounts = await Promise.all([1, 2, 3].map(() => insertTestAccount(db)));
  const first = await openStore((added) => added >= perAccount);
  for (let i = 0; i < perAccount; i += 1) {
    for (const account of accounts) {
      const id = `M${i}`;
      // Acks before their messages, and everything told twice.
      const events = [ackEvent(id, 2, T0 + 2_000), ownMessageEvent(id), ackEvent(id, 1, T0 + 1_000)];
      lanes.accept(account, events);
      lanes.accept(account, events);
    }
    if (i % 20 === 19) await Promise.all(accounts.map((account) => lanes.idle(account)));
  }
  await first.done;
  await first.consumer[Symbol.asyncDispose]();
  const total = perAccount * accounts.length;
  const before = await countMessages(accounts);
  const second = await openStore((added) => before + added >= total);
  await lanes[Symbol.asyncDispose]();
  if (before < total) await second.done;
  await second.consumer[Symbol.asyncDispose]();

  expect(await countMessages(accounts)).toBe(total);
  const { length } = await db
    .selectFrom('messages')
    .select('id')
    .where('status', '=', 'delivered')
    .where('sent_at', '=', new Date(T0))
    .where('delivered_at', '=', new Date(T0 + 2_000))
    .execute();
  expect(length).toBe(total);
  expect(await db.selectFrom('rejected_events').select('id').execute()).toEqual([]);
});

async function countMessages(accounts: readonly AccountId[]): Promise<number> {
  const { count } = await db
    .selectFrom('messages')
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .where('account_id', 'in', accounts)
    .executeTakeFirstOrThrow();
  return Number(count);
}

it.each(['job-taken', 'ingest-committed'] as const)(
  'a daemon that is killed after the step %s leaves the order as it was',
  async (step) => {
    const account = await insertTestAccount(db);
    const instance = parseInstanceId(`killed-${step}`);
    await using queues = await openQueues({ redis, instanceId: instance, log: silentLog });
    const makeJob = makeJobs(account);
    const ids = Array.from({ length: 60 }, (_, n) => `M${n}`);
    for (const id of ids) await queues.add('inbound', makeJob(messageEvent(id)), { signal: never });
    const program = fileURLToPath(new URL('../../support/killed-ingest.ts', import.meta.url));
    const stores = [location.path, redis.prefix, instance, database.url];
    const child = spawn(process.execPath, [program, ...stores, step, '17'], { stdio: 'inherit' });
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);

    const done = Promise.withResolvers<void>();
    const ingest = makeIngest({
      db,
      log: silentLog,
      clock: systemClock,
      onPassed: ({ n }) => n === ids.length - 1 && done.resolve(),
      onGap: () => done.reject(new Error('A gap was told.')),
    });
    await using _ = await openConsumer({
      redis,
      queue: 'inbound',
      instanceId: instance,
      process: ingest,
      log: silentLog,
    });
    await done.promise;
    const rows = await db
      .selectFrom('messages')
      .select('bare_id')
      .where('account_id', '=', account)
      .orderBy('seq')
      .execute();
    expect(rows.map(({ bare_id }) => bare_id)).toEqual(ids);
  },
);
