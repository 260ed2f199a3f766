import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'bullmq';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, makeAccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { InboundOrder } from '../../../src/messages/inbound-order.ts';
import { type OpenRedis, openRedis } from '../../../src/queue/connection.ts';
import { openConsumer, type ProcessJob } from '../../../src/queue/consumer.ts';
import { type OpenQueues, openQueues } from '../../../src/queue/producer.ts';
import { type InboundJob, QUEUES, queueNameOf } from '../../../src/queue/table.ts';
import { makeJobs, messageEvent } from '../../support/inbound-events.ts';
import { Inbox } from '../../support/inbox.ts';
import { type OwnRedis, openOwnRedis } from '../../support/own-redis.ts';
import { openTestRedis } from '../../support/redis.ts';
import { silentLog } from '../../support/silent-log.ts';

const instanceId = parseInstanceId('test');
const never = new AbortController().signal;
const account = makeAccountId();
const jobOf = (id: string): InboundJob => ({
  accountId: account,
  run: 'test',
  n: 0,
  events: [messageEvent(id)],
});
const idOf = (job: InboundJob) => job.events[0]?.key.bareId ?? '';

const test = openTestRedis();
let files = 0;
let prefix: string;
let stack: AsyncDisposableStack;
let redis: OpenRedis;
let queues: OpenQueues;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  files += 1;
  prefix = `${test.prefix}-${files}`;
  redis = stack.use(await openRedis({ location: test.connection, prefix, log: silentLog }));
  queues = stack.use(await openQueues({ redis, instanceId, log: silentLog }));
});
afterEach(() => stack.disposeAsync());
afterAll(() => test[Symbol.asyncDispose]());

const consume = (process: ProcessJob<'inbound'>, drainMs?: number) =>
  openConsumer({
    redis,
    queue: 'inbound',
    instanceId,
    log: silentLog,
    process,
    ...(drainMs === undefined ? {} : { drainMs }),
  });

describe('a consumer', () => {
  it('is handed each job once, in order, with what it carries', async () => {
    const ids = Array.from({ length: 50 }, (_, i) => `J${i}`);
    for (const id of ids) await queues.add('inbound', jobOf(id), { signal: never });
    const inbox = new Inbox();
    stack.use(
      await consume(async (job) => {
        expect(job.accountId).toBe(account);
        inbox.take(idOf(job));
      }),
    );
    await inbox.has(50);
    expect(inbox.ids).toEqual(ids);
    expect(await queues.counts('inbound')).toMatchObject({ waiting: 0, failed: 0 });
  });

  it('is handed a job again that it refused', async () => {
    await queues.add('inbound', jobOf('J'), { signal: never });
    const inbox = new Inbox();
    stack.use(
      await consume(async (job) => {
        inbox.take(idOf(job));
        if (inbox.ids.length < 2) throw new Error('not now');
      }),
    );
    await inbox.has(2);
  });

  it('finishes what runs when it closes, and leaves the rest', async () => {
    const inbox = new Inbox();
    const go = Promise.withResolvers<void>();
    const consumer = await consume(async (job) => {
      inbox.take(idOf(job));
      await go.promise;
    });
    for (let i = 0; i < 10; i += 1) await queues.add('inbound', jobOf(`J${i}`), { signal: never });
    await inbox.has(8);
    const closing = consumer[Symbol.asyncDispose]();
    go.resolve();
    await closing;
    expect(await queues.counts('inbound')).toEqual({ waiting: 2, active: 0, delayed: 0, failed: 0 });
  });

  it('gives back what does not finish in time, so that the next one takes it first', async () => {
    const inbox = new Inbox();
    const consumer = await consume(async (job, signal) => {
      inbox.take(idOf(job));
      await once(signal, 'abort');
      signal.throwIfAborted();
    }, 50);
    await queues.add('inbound', jobOf('stuck'), { signal: never });
    await inbox.has(1);
    await consumer[Symbol.asyncDispose]();
    expect(await queues.counts('inbound')).toEqual({ waiting: 1, active: 0, delayed: 0, failed: 0 });
    await queues.add('inbound', jobOf('later'), { signal: never });
    stack.use(await consume(async (job) => inbox.take(idOf(job))));
    await inbox.has(3);
    expect(inbox.ids).toEqual(['stuck', 'stuck', 'later']);
  });

  it('takes up the jobs of one that was killed at once, in their old places', async () => {
    const program = fileURLToPath(new URL('../../support/stuck-consumer.ts', import.meta.url));
    const child = spawn(process.execPath, [program, test.connection.path, prefix, 'test'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    stack.defer(() => void child.kill('SIGKILL'));
    const ids = Array.from({ length: 20 }, (_, i) => `J${i}`);
    for (const id of ids) await queues.add('inbound', jobOf(id), { signal: never });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    for (let inHand = 0; inHand < 8; inHand += 1) await lines.next();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const killedAt = performance.now();

    const inbox = new Inbox();
    const consumer = await consume(async (job) => inbox.take(idOf(job)));
    await inbox.has(20);
    expect(performance.now() - killedAt).toBeLessThan(5_000);
    await consumer[Symbol.asyncDispose]();
    expect(inbox.ids).toEqual(ids);
    expect(await queues.counts('inbound')).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 });
  });
});

describe('a producer', () => {
  it('hands a delayed job out later', async () => {
    await queues.add(
      'outbound',
      { accountId: account, messageId: account as never },
      {
        signal: never,
        delayMs: 60_000,
      },
    );
    expect(await queues.counts('outbound')).toMatchObject({ waiting: 0, delayed: 1 });
  });

  it('stops waiting with its signal', async () => {
    const stop = AbortSignal.abort(new Error('stop'));
    await expect(queues.add('inbound', jobOf('J'), { signal: stop })).rejects.toThrow('stop');
  });
});

describe('when Redis is killed and comes back', () => {
  const open = async (server: OwnRedis) => {
    const urls = [`redis://127.0.0.1:${server.port}`];
    redis = stack.use(await openRedis({ location: { urls }, prefix, log: silentLog }));
    queues = stack.use(await openQueues({ redis, instanceId, log: silentLog }));
  };

  it('jobs that were added before and meanwhile are handed out', async () => {
    const server = stack.use(await openOwnRedis(['--appendfsync', 'always']));
    await open(server);
    const inbox = new Inbox();
    stack.use(await consume(async (job) => inbox.take(idOf(job))));
    await queues.add('inbound', jobOf('before'), { signal: never });
    await inbox.has(1);
    await server.kill();
    const meanwhile = queues.add('inbound', jobOf('meanwhile'), { signal: never });
    await server.start();
    await meanwhile;
    await queues.add('inbound', jobOf('after'), { signal: never });
    // The first may come again: its end may not have been noted.
    await inbox.hasEach('before', 'meanwhile', 'after');
    expect(new Set(inbox.ids).size).toBe(3);
  });

  /** Moves the next job into the hands of a worker that will never know of it. */
  async function loseNextJob(): Promise<void> {
    const worker = new Worker(queueNameOf('inbound', instanceId), null, {
      connection: redis.client,
      prefix: redis.prefix,
      lockDuration: 8_000,
    });
    expect(await worker.getNextJob('lost')).toBeDefined();
    await worker.close();
  }

  it('a job whose hand-out was never heard of is taken up, though all places wait for it', async () => {
    const server = stack.use(await openOwnRedis(['--appendfsync', 'always']));
    await open(server);
    const places = QUEUES.inbound.concurrency;
    const makeJob = makeJobs(account);
    const jobs = Array.from({ length: places + 3 }, (_, i) => makeJob(messageEvent(`J${i}`)));
    const add = async (from: number, to: number) => {
      for (const job of jobs.slice(from, to)) await queues.add('inbound', job, { signal: never });
    };
    const gaps: AccountId[] = [];
    const order = new InboundOrder({ findPosition: async () => 0, onGap: (id) => gaps.push(id) });
    const [handedOut, stored] = [new Inbox(), new Inbox()];
    stack.use(
      await consume(async (job, signal) => {
        handedOut.take(idOf(job));
        await order.inTurn(job, signal, async () => stored.take(idOf(job)));
      }),
    );
    await add(1, places + 1);
    await handedOut.has(places);
    await add(0, 1);
    await loseNextJob();
    await add(places + 1, places + 3);
    await server.kill();
    await server.start();
    await stored.has(jobs.length);
    expect(stored.ids).toEqual(jobs.map(idOf));
    expect(gaps).toEqual([]);
    await expect.poll(() => queues.counts('inbound')).toMatchObject({ waiting: 0, active: 0, failed: 0 });
  }, 30_000);

  it('a consumer closes in time while Redis is away', async () => {
    const server = stack.use(await openOwnRedis());
    await open(server);
    const inbox = new Inbox();
    const go = Promise.withResolvers<void>();
    const consumer = await consume(async (job) => {
      inbox.take(idOf(job));
      await go.promise;
    }, 300);
    await queues.add('inbound', jobOf('J'), { signal: never });
    await inbox.has(1);
    await server.kill();
    go.resolve();
    await consumer[Symbol.asyncDispose]();
    await server.start();
  });

  it('a consumer with nothing at work does not spend its drain on a Redis that is away', async () => {
    const server = stack.use(await openOwnRedis());
    await open(server);
    const consumer = await consume(async () => undefined, 600_000);
    await server.kill();
    await consumer[Symbol.asyncDispose]();
    await server.start();
  }, 15_000);
});
