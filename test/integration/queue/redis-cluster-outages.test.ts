import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeAccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { RateLimitCounter } from '../../../src/http/rate-limit-counter.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { type OpenRedis, openRedis } from '../../../src/queue/connection.ts';
import { openConsumer } from '../../../src/queue/consumer.ts';
import { type EventStream, openEventStream } from '../../../src/queue/event-stream.ts';
import { type OpenQueues, openQueues } from '../../../src/queue/producer.ts';
import { makeSharedCalls } from '../../../src/queue/rate-limit-calls.ts';
import { Inbox } from '../../support/inbox.ts';
import { type OwnRedis, openOwnRedis } from '../../support/own-redis.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { openRedisCluster, type RedisCluster } from '../../support/redis-cluster.ts';
import { silentLog } from '../../support/silent-log.ts';

const AWAY = 'Redis does not answer; messages wait until it does';
const BACK = 'Redis answers again';

const instanceId = parseInstanceId('test');
const never = new AbortController().signal;

let stack: AsyncDisposableStack;
let cluster: RedisCluster;
let log: RecordingLogger;
let redis: OpenRedis;
let queues: OpenQueues;
let stream: EventStream;
let jobs: Inbox;
let events: Inbox;

beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

/** A cluster with a consumer and a follower of events, both at work. */
async function setUp(settings: { readonly replicas?: boolean } = {}): Promise<void> {
  cluster = stack.use(await openRedisCluster(settings));
  log = new RecordingLogger();
  redis = stack.use(await openRedis({ location: { urls: cluster.urls }, log, deadlineMs: 10_000 }));
  queues = stack.use(await openQueues({ redis, instanceId, log }));
  jobs = new Inbox();
  events = new Inbox();
  stack.use(
    await openConsumer({
      redis,
      queue: 'inbound',
      instanceId,
      log: silentLog,
      process: async ({ n }) => jobs.take(`${n}`),
    }),
  );
  stream = stack.use(await openEventStream({ redis, name: 'events', log: silentLog }));
  stream.follow(async (entries) => {
    for (const { text } of entries) events.take(text);
  });
}

const accountId = makeAccountId();
const add = (n: number) =>
  queues.add('inbound', { accountId, run: 'test', n, events: [] }, { signal: never });
const owner = () => cluster.ownerOf(redis.prefix);
const other = async () => {
  const port = (await owner()).port;
  return cluster.nodes.find((node) => node.port !== port) as OwnRedis;
};
const linesOf = (...messages: string[]) =>
  log.lines.map(({ message }) => message).filter((message) => messages.includes(message));

/** Adds jobs before, during and after; all are processed, and the outage is told once. */
async function goesOn(during: () => Promise<void>): Promise<void> {
  const recovered = new Promise<void>((resolve) => redis.onRecovered(resolve));
  await add(0);
  await stream.add('before');
  await jobs.has(1);
  const work = during();
  const adding = [1, 2, 3].map(add);
  await work;
  await Promise.all(adding);
  await recovered;
  await add(4);
  await stream.add('after');
  await jobs.hasEach('0', '1', '2', '3', '4');
  await events.hasEach('before', 'after');
  // One that was being handed out when Redis came back may be repeated.
  expect([...new Set(jobs.ids)].toSorted()).toEqual(['0', '1', '2', '3', '4']);
  expect(linesOf(AWAY, BACK)).toEqual([AWAY, BACK]);
}

describe('while the master that holds our keys is away', () => {
  it('commands wait for it, longer than any number of tries, and all goes on when it is back', async () => {
    await setUp();
    await goesOn(async () => {
      const node = await owner();
      const away = log.next(AWAY);
      await node.kill();
      await away;
      await expect(redis.ping(2_500)).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE' });
      await expect(stream.add('never')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await node.start();
      await redis.ping(20_000);
    });
  });

  it('calls are counted by the instance alone, without a try for each of them', async () => {
    await setUp();
    const shared = makeSharedCalls(redis);
    const counter = new RateLimitCounter({ shared, clock: systemClock, log });
    const quotas = [{ caller: 'key', limit: 1_000 }];
    const node = await owner();
    await node.kill();
    for (let call = 0; call < 200; call += 1) await counter.count(quotas, 60);
    const [alone, again] = [
      'Limits of the API are counted by this instance alone until Redis answers',
      'Limits of the API are counted for all instances again',
    ];
    expect(linesOf(alone, again)).toEqual([alone]);
    const back = log.next(again);
    await node.start();
    await redis.ping(20_000);
    await counter.count(quotas, 60);
    await back;
  });

  it('closing does not wait for it', async () => {
    await setUp();
    await (await owner()).kill();
    void add(1).catch(() => undefined);
    const closing = stack.move();
    await expect(closing.disposeAsync()).resolves.toBeUndefined();
  }, 25_000);
});

describe('while another master is away', () => {
  it('a cluster that takes nothing then is waited for, too', async () => {
    await setUp();
    await goesOn(async () => {
      const node = await other();
      const away = log.next(AWAY);
      await node.kill();
      await away;
      await node.start();
      await redis.ping(20_000);
    });
  });
});

describe('with replicas', () => {
  it('all goes on with the replica of a master that was killed', async () => {
    await setUp({ replicas: true });
    await goesOn(async () => {
      const node = await owner();
      await node.kill();
      await cluster.takenOver(redis.prefix, node);
      await redis.ping(20_000);
    });
  });

  it('all goes on with the replica of a master that says nothing any more', async () => {
    await setUp({ replicas: true });
    await goesOn(async () => {
      const node = await owner();
      node.freeze();
      await cluster.takenOver(redis.prefix, node);
      await redis.ping(20_000);
    });
  });
});

describe('a cluster that cannot be opened', () => {
  const open = (urls: readonly string[]) =>
    openRedis({ location: { urls }, log: silentLog, deadlineMs: 1_000 });

  it('since it takes nothing is told so', async () => {
    cluster = stack.use(await openRedisCluster());
    const [first, second, third] = cluster.nodes as [OwnRedis, OwnRedis, OwnRedis];
    await second.kill();
    // Each sees it for itself, and any of them may be asked.
    await Promise.all([cluster.failed(first), cluster.failed(third)]);
    await expect(open(cluster.urls)).rejects.toMatchObject({
      code: 'REDIS_UNREACHABLE',
      message: expect.stringContaining('cluster_state is fail'),
    });
  });

  it('since no node answers is told why', async () => {
    await expect(open(['redis://127.0.0.1:1', 'redis://127.0.0.1:2'])).rejects.toMatchObject({
      code: 'REDIS_UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('since it is none is told so', async () => {
    const server = stack.use(await openOwnRedis());
    const url = `redis://127.0.0.1:${server.port}`;
    await expect(open([url, url])).rejects.toMatchObject({
      code: 'REDIS_UNREACHABLE',
      message: expect.stringContaining('cluster support disabled'),
    });
  });
});
