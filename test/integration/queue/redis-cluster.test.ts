import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { fastify } from 'fastify';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeAccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { checkRedis } from '../../../src/cli/doctor/store-checks.ts';
import { makeBoard } from '../../../src/queue/board.ts';
import { type OpenRedis, openRedis } from '../../../src/queue/connection.ts';
import { openConsumer } from '../../../src/queue/consumer.ts';
import { openEventStream } from '../../../src/queue/event-stream.ts';
import { type OpenQueues, openQueues } from '../../../src/queue/producer.ts';
import { makeSharedCalls } from '../../../src/queue/rate-limit-calls.ts';
import { QUEUE_NAMES } from '../../../src/queue/table.ts';
import { messageEvent } from '../../support/inbound-events.ts';
import { Inbox } from '../../support/inbox.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { openRedisCluster, type RedisCluster } from '../../support/redis-cluster.ts';
import { silentLog } from '../../support/silent-log.ts';

const instanceId = parseInstanceId('test');
const accountId = makeAccountId();
const never = new AbortController().signal;
const PASSWORD = 'correct-horse-battery';

const stack = new AsyncDisposableStack();
let cluster: RedisCluster;
let redis: OpenRedis;
let other: OpenRedis;
let queues: OpenQueues;

const open = (urls: readonly string[], log = silentLog) =>
  openRedis({ location: { urls }, log, deadlineMs: 3_000 });

beforeAll(async () => {
  cluster = stack.use(await openRedisCluster());
  redis = stack.use(await open(cluster.urls));
  other = stack.use(await open(cluster.urls.toReversed()));
  queues = stack.use(await openQueues({ redis, instanceId, log: silentLog }));
});
afterAll(() => stack.disposeAsync());

describe('over a cluster of three masters', () => {
  it('the jobs of every queue pass, delayed ones as well, each once', async () => {
    const inbox = new Inbox();
    const log = silentLog;
    await using consumers = new AsyncDisposableStack();
    for (const queue of QUEUE_NAMES) {
      consumers.use(
        await openConsumer({
          redis,
          queue,
          instanceId,
          log,
          process: async (job) => inbox.take(`${queue} ${'n' in job ? job.n : ''}`),
        }),
      );
    }
    for (let n = 0; n < 50; n += 1) {
      await queues.add(
        'inbound',
        { accountId, run: 'test', n, events: [messageEvent('M')] },
        { signal: never },
      );
    }
    await queues.add('outbound', { accountId, messageId: 'M' as never }, { signal: never });
    await queues.add('webhooks', { webhookId: 'W' }, { signal: never, delayMs: 50 });
    await inbox.has(52);
    const expected = ['outbound ', 'webhooks ', ...Array.from({ length: 50 }, (_, n) => `inbound ${n}`)];
    expect(inbox.ids.toSorted()).toEqual(expected.toSorted());
  });

  it('calls are counted exactly, of several quotas at once and by several instances', async () => {
    const from = [makeSharedCalls(redis), makeSharedCalls(other)];
    const quotas = [
      { caller: 'key', limit: 100 },
      { caller: 'address', limit: 1_000 },
    ];
    const counts = await Promise.all(
      Array.from({ length: 300 }, (_, nth) => from[nth % 2]?.count(quotas, 60)),
    );
    expect(counts.filter((count) => count?.allowed)).toHaveLength(100);
  });

  it('events reach everyone once and in one order', async () => {
    const heard = [new Inbox(), new Inbox()];
    const streams = await Promise.all(
      [redis, other].map((each) => openEventStream({ redis: each, name: 'events', log: silentLog })),
    );
    await using closing = new AsyncDisposableStack();
    for (const [nth, stream] of streams.entries()) {
      closing.use(stream);
      stream.follow(async (entries) => {
        for (const { text } of entries) heard[nth]?.take(text);
      });
    }
    const ids = await Promise.all(Array.from({ length: 200 }, (_, n) => streams[n % 2]?.add(`${n}`)));
    await Promise.all(heard.map((inbox) => inbox.has(200)));
    expect(heard[0]?.ids).toEqual(heard[1]?.ids);
    expect(heard[0]?.ids.toSorted((a, b) => Number(a) - Number(b))).toEqual(ids.map((_, n) => `${n}`));
    await streams[0]?.put('session', 'value', 60_000);
    expect(await streams[1]?.find('session')).toBe('value');
  });

  it('the board shows the queues, and their jobs are counted', async () => {
    await queues.add('webhooks', { webhookId: 'shown' }, { signal: never });
    expect(await queues.counts('webhooks')).toEqual({ waiting: 1, active: 0, delayed: 0, failed: 0 });
    const board = makeBoard(queues);
    board.setBasePath('/admin/queues');
    const app = fastify();
    await app.register(board.plugin() as never, { prefix: '/admin/queues' });
    const answer = await app.inject(
      '/admin/queues/api/queues?activeQueue=webhooks-test&status=latest&page=1',
    );
    const [shown] = answer.json().queues.filter(({ name }: { name: string }) => name === 'webhooks-test');
    expect(shown.jobs.map(({ data }: { data: unknown }) => data)).toContainEqual({ webhookId: 'shown' });
    await app.close();
  });

  it('all keys share one slot, so that one step may use several of them', async () => {
    const owner = await cluster.ownerOf(redis.prefix);
    const keys: string[] = [];
    for (const node of (redis.client as import('ioredis').Cluster).nodes('master')) {
      const found = await node.keys('*');
      if (node.options.port === owner.port) keys.push(...found);
      else expect(found).toEqual([]);
    }
    expect(keys.length).toBeGreaterThan(5);
    const slots = await Promise.all(keys.map((key) => redis.client.cluster('KEYSLOT', key)));
    expect(new Set(slots).size).toBe(1);
  });
});

describe('every master of a cluster', () => {
  const last = (...settings: string[]) =>
    openRedisCluster({ settings: (nth) => (nth === 2 ? settings : []) });

  it('must keep what it holds: one that would drop keys is refused, and doctor says the remedy', async () => {
    await using bad = await last('--maxmemory-policy', 'allkeys-lru');
    await expect(open(bad.urls)).rejects.toMatchObject({
      code: 'REDIS_UNFIT',
      message: expect.stringContaining('noeviction'),
    });
    expect(await checkRedis({ kind: 'given', urls: bad.urls }, {})).toMatchObject({
      outcome: 'bad',
      remedy: expect.stringContaining('noeviction'),
    });
  });

  it('should keep an append-only file: one without is told of', async () => {
    await using weak = await last('--appendonly', 'no');
    const log = new RecordingLogger();
    await using _ = await open(weak.urls, log);
    expect(log.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { fields: { remedy: expect.stringContaining('appendonly') } },
    ]);
  });

  it('is in order: doctor says so', async () => {
    expect(await checkRedis({ kind: 'given', urls: cluster.urls }, {})).toMatchObject({ outcome: 'good' });
  });

  it('is not met through the URL of one: more are asked for', async () => {
    await expect(open(cluster.urls.slice(0, 1))).rejects.toMatchObject({
      code: 'REDIS_UNFIT',
      message: expect.stringContaining('separated by commas'),
    });
  });
});

describe('a cluster with a password', () => {
  it('is opened with that of the first URL, by every connection; a wrong one is named', async () => {
    await using secured = await openRedisCluster({ password: PASSWORD });
    const [first = '', ...others] = secured.urls;
    const bare = others.map((url) => url.replace(`:${PASSWORD}@`, ''));
    await passes([first, ...bare]);
    const wrong = secured.urls.map((url) => url.replace(PASSWORD, 'wrong-one'));
    const message = await open(wrong).then(
      () => expect.fail('opened'),
      (error) => String(error.message),
    );
    expect(message).toMatch(/WRONGPASS|NOAUTH/);
    expect(message).not.toContain('wrong-one');
  });
});

describe('a cluster that speaks TLS', () => {
  const before = getCACertificates();
  afterAll(() => setDefaultCACertificates(before));

  it('is opened by its names, to which its certificate is made out', async () => {
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
      keyType: 'ec',
      algorithm: 'sha256',
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
    });
    await using secured = await openRedisCluster({ password: PASSWORD, tls: { cert, key } });
    await expect(open(secured.urls)).rejects.toMatchObject({
      code: 'REDIS_UNREACHABLE',
      message: expect.stringContaining('certificate'),
    });
    setDefaultCACertificates([...before, cert]);
    await passes(secured.urls);
  });
});

/** A job and an event pass over it. */
async function passes(urls: readonly string[]): Promise<void> {
  await using closing = new AsyncDisposableStack();
  const opened = closing.use(await open(urls));
  const inbox = new Inbox();
  const own = closing.use(await openQueues({ redis: opened, instanceId, log: silentLog }));
  closing.use(
    await openConsumer({
      redis: opened,
      queue: 'webhooks',
      instanceId,
      log: silentLog,
      process: async ({ webhookId }) => inbox.take(webhookId),
    }),
  );
  const events = closing.use(await openEventStream({ redis: opened, name: 'events', log: silentLog }));
  events.follow(async (entries) => {
    for (const { text } of entries) inbox.take(text);
  });
  await own.add('webhooks', { webhookId: 'job' }, { signal: never });
  await events.add('event');
  await inbox.hasEach('job', 'event');
}
