import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type AccountId, type InstanceId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { type OpenDatabase, openDatabase } from '../../../src/db/database.ts';
import { listLeftQueues } from '../../../src/db/inbound-queue-store.ts';
import { NO_FENCE } from '../../../src/db/lease-fence.ts';
import { endRun, registerRun } from '../../../src/db/lease-store.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { NO_PACING } from '../../../src/limits/pace.ts';
import { openDiskMediaStore } from '../../../src/messages/disk-media-store.ts';
import { measureMessages } from '../../../src/messages/message-metrics.ts';
import { openPipeline } from '../../../src/messages/pipeline.ts';
import { Metrics } from '../../../src/observability/metrics.ts';
import { type OpenRedis, openRedis } from '../../../src/queue/connection.ts';
import { countUndone } from '../../../src/queue/consumer.ts';
import { type OpenQueues, openQueues } from '../../../src/queue/producer.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount, messageEvent } from '../../support/inbound-events.ts';
import { openTestRedis } from '../../support/redis.ts';
import { silentLog as log } from '../../support/silent-log.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

const HERE = parseInstanceId('here');
const THERE = parseInstanceId('there');
const GONE = parseInstanceId('gone');
const TERM = { sharedTermMs: 600_000, aloneTermMs: 600_000, othersQuietMs: 600_000 };
const never = new AbortController().signal;

const stack = new AsyncDisposableStack();
let database: OpenDatabase;
let redis: OpenRedis;
let queues: OpenQueues;
let opened: AsyncDisposableStack;
beforeAll(async () => {
  const { connection } = stack.use(await openTestDatabase());
  database = stack.use(openDatabase({ connection, log }));
  const { connection: location, prefix } = stack.use(openTestRedis());
  redis = stack.use(await openRedis({ location, prefix, log }));
  queues = stack.use(await openQueues({ redis, instanceId: HERE, log }));
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  opened = new AsyncDisposableStack();
  await database.db.deleteFrom('instances').execute();
});
afterEach(() => opened.disposeAsync());

async function enter(instanceId: InstanceId): Promise<number> {
  const run = {
    instanceId,
    process: instanceId,
    capacity: 1,
    isDraining: false,
    term: TERM,
    over: undefined,
  };
  const registration = await registerRun(database.db, run);
  if (registration.kind !== 'registered') throw new Error('The former run is not over.');
  return registration.run;
}

async function openHere(run: number): Promise<void> {
  const folder = opened.use(await openTemporaryFolder()).path;
  const pipeline = await openPipeline({
    ...{ database, redis, queues, clock, log, instanceId: HERE, fence: NO_FENCE },
    store: opened.use(await openDiskMediaStore({ path: folder, log })),
    findRun: () => run,
    isHeldHere: () => false,
    messageRateLimit: 0,
    pacing: NO_PACING,
    onCounted: () => undefined,
    onStep: () => undefined,
    meter: measureMessages(new Metrics(), clock),
  });
  opened.use(pipeline);
}

/** The jobs that an instance which is gone has left of an account. */
async function leave(accountId: AccountId, ...ids: readonly string[]): Promise<void> {
  for (const [n, id] of ids.entries()) {
    const job = { accountId, run: `a run of ${accountId}`, n, events: [messageEvent(id)] };
    await queues.add('inbound', job, { signal: never, instanceId: GONE });
  }
}

const countStored = async (accountId: AccountId) => {
  const rows = await database.db
    .selectFrom('messages')
    .select('id')
    .where('account_id', '=', accountId)
    .execute();
  return rows.length;
};
const countLeft = () => countUndone({ redis, queue: 'inbound', instanceId: GONE, log });

it('stores what an instance has left in its queue, found at the start or once its run was ended', async () => {
  const accountId = await insertTestAccount(database.db);
  await endRun(database.db, await enter(GONE));
  await leave(accountId, 'A', 'B');
  await openHere(await enter(HERE));
  await expect.poll(() => countStored(accountId), { timeout: 20_000 }).toBe(2);
  const gone = await enter(GONE);
  const another = await insertTestAccount(database.db);
  await leave(another, 'C', 'D', 'E');
  await endRun(database.db, gone);
  await expect.poll(() => countStored(another), { timeout: 20_000 }).toBe(3);
  await expect.poll(countLeft, { timeout: 20_000 }).toBe(0);
});

it('is the part of one instance, the one that has been there longest and goes on', async () => {
  const { db } = database;
  const here = await enter(HERE);
  const there = await enter(THERE);
  const gone = await enter(GONE);
  expect(await listLeftQueues(db, here)).toEqual([]);
  await endRun(db, gone);
  expect(await listLeftQueues(db, here)).toEqual([{ instanceId: GONE, lastRun: gone }]);
  expect(await listLeftQueues(db, there)).toEqual([]);
  await db.updateTable('instances').set({ draining: true }).where('instance_id', '=', HERE).execute();
  expect(await listLeftQueues(db, there)).toEqual([{ instanceId: GONE, lastRun: gone }]);
});
