import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type OpenRedis, openRedis } from '../../../src/queue/connection.ts';
import { type EventStream, openEventStream, type StreamEntry } from '../../../src/queue/event-stream.ts';
import { type OwnRedis, openOwnRedis } from '../../support/own-redis.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { openTcpFront } from '../../support/tcp-front.ts';

const files = new AsyncDisposableStack();
let server: OwnRedis;
let stack: AsyncDisposableStack;
let redis: OpenRedis;
let name: string;
let count = 0;

beforeAll(async () => {
  server = files.use(await openOwnRedis());
});
afterAll(() => files.disposeAsync());
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  const location = { urls: [`redis://127.0.0.1:${server.port}`] };
  redis = stack.use(await openRedis({ location, log: new RecordingLogger() }));
  count += 1;
  name = `stream-${count}`;
});
afterEach(() => stack.disposeAsync());

async function open(): Promise<EventStream> {
  return stack.use(await openEventStream({ redis, name, log: new RecordingLogger() }));
}

/** Collects what is followed, and resolves once there are so many. */
function follow(stream: EventStream) {
  const entries: StreamEntry[] = [];
  let look: () => void = () => undefined;
  stream.follow(async (more) => {
    entries.push(...more);
    look();
  });
  return {
    async texts(enough: number): Promise<string[]> {
      while (entries.length < enough) {
        await new Promise<void>((resolve) => {
          look = resolve;
        });
      }
      return entries.map(({ text }) => text);
    },
  };
}

it('lets everyone who follows read everything once, in one order, from their opening on', async () => {
  const first = await open();
  await first.add('before');
  const [one, two] = [follow(first), follow(await open())];
  const texts = Array.from({ length: 1_200 }, (_, nth) => `entry ${nth}`);
  await Promise.all(texts.map((text) => first.add(text)));
  expect(await one.texts(1_201)).toEqual(['before', ...texts]);
  expect(await two.texts(1_200)).toEqual(texts);
});

it('reads what lies behind an entry, up to another', async () => {
  const stream = await open();
  const ids: string[] = [];
  for (let nth = 0; nth < 1_100; nth += 1) ids.push(await stream.add(`entry ${nth}`));
  const [from, to] = [String(ids[1]), String(ids[1_090])];
  const read = await stream.read(from, to);
  expect(read?.map(({ id }) => id)).toEqual(ids.slice(2, 1_091));
  expect(await stream.read(to, to)).toEqual([]);
});

it('says if not all is kept any more that lies behind an entry', async () => {
  const stream = await open();
  const first = await stream.add('first');
  let last = first;
  for (let round = 0; round < 11; round += 1) {
    last = (await Promise.all(Array.from({ length: 1_000 }, () => stream.add('more')))).at(-1) ?? last;
  }
  expect(await stream.read(first, last)).toBeUndefined();
  expect(await stream.read(`${BigInt(Date.now()) - 600_000n}-0`, last)).toBeUndefined();
  expect(await stream.read(last, last)).toEqual([]);
});

it('keeps no entry for longer than four minutes, and knows that nothing younger lay behind one that is gone', async () => {
  const key = `${redis.prefix}:${name}`;
  const old = [300_000, 250_000].map((ageMs) => `${Date.now() - ageMs}-0`);
  const young = `${Date.now() - 200_000}-0`;
  for (const id of [...old, young]) await redis.client.xadd(key, id, 'text', id);
  const stream = await open();
  const now = await stream.add('now');
  await untilLength(key, 2);
  for (const id of old) {
    expect((await stream.read(id, now))?.map(({ text }) => text)).toEqual([young, 'now']);
  }
  // It would still be there, had it ever been.
  expect(await stream.read(`${Date.now() - 100_000}-0`, now)).toBeUndefined();
});

it('lets entries go while nothing is added', async () => {
  const key = `${redis.prefix}:${name}`;
  await redis.client.xadd(key, `${Date.now() - 250_000}-0`, 'text', 'old');
  follow(await open());
  await untilLength(key, 0);
});

/** Looks until the stream has so many entries; the test's own timeout bounds the wait. */
async function untilLength(key: string, length: number): Promise<void> {
  while ((await redis.client.xlen(key)) !== length);
}

it('finds a value that was put, and nothing else', async () => {
  const stream = await open();
  await stream.put('session', 'value', 60_000);
  expect(await stream.find('session')).toBe('value');
  expect(await stream.find('other')).toBeUndefined();
});

it('goes on where it was when Redis is back, and fails at once while it is away', async () => {
  const stream = await open();
  const followed = follow(stream);
  await stream.add('1');
  await followed.texts(1);
  await server.kill();
  const tries = Array.from({ length: 5_000 }, () => stream.add('never'));
  const outcomes = await Promise.allSettled(tries);
  expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
  const back = new Promise<void>((resolve) => redis.onRecovered(resolve));
  await server.start();
  await back;
  // What was asked before it died is asked again first.
  await redis.ping(5_000);
  await stream.add('2');
  let texts: string[] = [];
  for (let enough = 2; texts.at(-1) !== '2'; enough += 1) texts = await followed.texts(enough);
  expect(texts.filter((text) => text !== 'never')).toEqual(['1', '2']);
});

it('goes on where it was when its connection has gone silent without an end', async () => {
  await using front = await openTcpFront(server.port);
  const location = { urls: [front.url.replace('http', 'redis')] };
  await using behind = await openRedis({ location, log: new RecordingLogger() });
  await using deaf = await openEventStream({ redis: behind, name, log: new RecordingLogger() });
  const stream = await open();
  const followed = follow(deaf);
  await stream.add('1');
  await followed.texts(1);
  front.silence();
  await stream.add('2');
  expect(await followed.texts(2)).toEqual(['1', '2']);
}, 20_000);
