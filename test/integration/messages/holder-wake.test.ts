import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  type AccountId,
  type InstanceId,
  makeMessageId,
  parseInstanceId,
} from '../../../src/accounts/ids.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { makeHolderWake } from '../../../src/messages/holder-wake.ts';
import { makeOutboundProcessor } from '../../../src/messages/sender.ts';
import { type OpenRedis, openRedis } from '../../../src/queue/connection.ts';
import { openConsumer } from '../../../src/queue/consumer.ts';
import { type OpenQueues, openQueues } from '../../../src/queue/producer.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { giveTo, insertRun } from '../../support/instance-rows.ts';
import { openTestRedis } from '../../support/redis.ts';
import { silentLog as log } from '../../support/silent-log.ts';

const FIRST = parseInstanceId('first');
const SECOND = parseInstanceId('second');
const { signal } = new AbortController();

const stack = new AsyncDisposableStack();
let db: Executor;
let redis: OpenRedis;
let queues: OpenQueues;
/** What instances heard: who, of which account, and what of it was woken. */
let heard: [InstanceId, AccountId, 'sender' | 'feeder'][];
let onHeard: () => void;
let id: AccountId;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log })).db;
  const test = stack.use(openTestRedis());
  redis = stack.use(await openRedis({ location: test.connection, prefix: test.prefix, log }));
  queues = stack.use(await openQueues({ redis, instanceId: FIRST, log }));
  for (const instanceId of [FIRST, SECOND]) await consume(instanceId);
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  await db.deleteFrom('instances').execute();
  id = await insertTestAccount(db);
  heard = [];
  onHeard = () => undefined;
});

async function consume(instanceId: InstanceId): Promise<void> {
  const hear = (accountId: AccountId, what: 'sender' | 'feeder') => {
    heard.push([instanceId, accountId, what]);
    onHeard();
    return true;
  };
  const process = makeOutboundProcessor(
    { wake: (accountId) => hear(accountId, 'sender') },
    { wake: (accountId) => void hear(accountId, 'feeder') },
  );
  stack.use(await openConsumer({ redis, queue: 'outbound', instanceId, process, log }));
}

function untilHeard(count: number): Promise<void> {
  return new Promise((resolve) => {
    onHeard = () => {
      if (heard.length >= count) resolve();
    };
    onHeard();
  });
}

const wake = () => makeHolderWake({ db, queues, instanceId: FIRST, signal });

it('wakes the sender of the instance that holds the account', async () => {
  await giveTo(db, id, await insertRun(db, SECOND));
  await wake()({ accountId: id, messageId: makeMessageId(Date.now()) });
  await untilHeard(1);
  expect(heard).toEqual([[SECOND, id, 'sender']]);
});

it('wakes its campaigns too where no message is named', async () => {
  await giveTo(db, id, await insertRun(db, SECOND));
  await wake()({ accountId: id });
  await untilHeard(2);
  expect(heard).toEqual([
    [SECOND, id, 'feeder'],
    [SECOND, id, 'sender'],
  ]);
});

it('puts no job anywhere for an account that is held here, or by nobody', async () => {
  const own = await insertRun(db, FIRST);
  const free = await insertTestAccount(db);
  await giveTo(db, id, own);
  await wake()({ accountId: id });
  await wake()({ accountId: free });
  for (const name of [FIRST, SECOND]) {
    await using counted = await openQueues({ redis, instanceId: name, log });
    expect(await counted.counts('outbound')).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 });
  }
  expect(heard).toEqual([]);
});

it('reaches more instances than queues are kept open', async () => {
  const names = Array.from({ length: 40 }, (_, nth) => parseInstanceId(`one-of-many-${nth}`));
  for (const name of [...names, ...names.slice(0, 2)]) {
    await giveTo(db, id, await insertRun(db, name));
    await wake()({ accountId: id });
    await db.deleteFrom('instances').execute();
  }
  const counts: number[] = [];
  for (const instanceId of names) {
    await using counted = await openQueues({ redis, instanceId, log });
    counts.push((await counted.counts('outbound')).waiting);
  }
  expect(counts).toEqual(names.map((_, nth) => (nth < 2 ? 2 : 1)));
});
