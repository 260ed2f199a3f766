import { fastify } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeAccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { makeBoard } from '../../../src/queue/board.ts';
import { openRedis } from '../../../src/queue/connection.ts';
import { type OpenQueues, openQueues } from '../../../src/queue/producer.ts';
import { messageEvent } from '../../support/inbound-events.ts';
import { openTestRedis } from '../../support/redis.ts';
import { silentLog } from '../../support/silent-log.ts';

const stack = new AsyncDisposableStack();
let queues: OpenQueues;

beforeAll(async () => {
  const test = stack.use(openTestRedis());
  const location = test.connection;
  const redis = stack.use(await openRedis({ location, prefix: test.prefix, log: silentLog }));
  queues = stack.use(await openQueues({ redis, instanceId: parseInstanceId('test'), log: silentLog }));
});
afterAll(() => stack.disposeAsync());

it('shows every queue with its jobs under its path, and changes nothing', async () => {
  const job = { accountId: makeAccountId(), run: 'test', n: 0, events: [messageEvent('M')] };
  await queues.add('inbound', job, { signal: new AbortController().signal });
  const board = makeBoard(queues);
  board.setBasePath('/admin/queues');
  const app = fastify();
  await app.register(board.plugin() as never, { prefix: '/admin/queues' });

  const page = await app.inject('/admin/queues');
  expect(page.statusCode).toBe(200);
  expect(page.headers['content-type']).toContain('text/html');
  const answer = await app.inject('/admin/queues/api/queues?activeQueue=inbound&status=latest&page=1');
  const shown = answer.json().queues.map((queue: { name: string }) => queue.name);
  expect(shown).toEqual(['inbound-test', 'outbound-test', 'webhooks-test']);
  const emptied = await app.inject({ method: 'PUT', url: '/admin/queues/api/queues/inbound/empty' });
  expect(emptied.statusCode).toBeGreaterThanOrEqual(400);
  expect(await queues.counts('inbound')).toMatchObject({ waiting: 1 });
  await app.close();
});
