import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { openInboundLanes } from '../../../src/messages/inbound-lane.ts';
import { makeIngest } from '../../../src/messages/ingest.ts';
import { type OpenRedis, openRedis } from '../../../src/queue/connection.ts';
import { openConsumer } from '../../../src/queue/consumer.ts';
import { openQueues } from '../../../src/queue/producer.ts';
import { openTestDatabase } from '../../support/database.ts';
import { ackEvent, insertTestAccount, ownMessageEvent, T0 } from '../../support/inbound-events.ts';
import { openTestRedis } from '../../support/redis.ts';
import { scaled } from '../../support/scale.ts';
import { silentLog } from '../../support/silent-log.ts';

const instanceId = parseInstanceId('test');
const perAccount = scaled(1_000, 20_000);
const stack = new AsyncDisposableStack();
let db: Executor;
let redis: OpenRedis;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
  const { connection: location, prefix } = stack.use(openTestRedis());
  redis = stack.use(await openRedis({ location, prefix, log: silentLog }));
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
