import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRedis } from '../../../src/queue/connection.ts';
import { makeSharedCalls } from '../../../src/queue/rate-limit-calls.ts';
import { type Asked, openTestServer, type TestServer } from '../../support/http-server.ts';
import { openOwnRedis } from '../../support/own-redis.ts';
import { silentLog } from '../../support/silent-log.ts';

let plain: TestServer;
beforeAll(async () => {
  plain = await openTestServer();
});
afterAll(() => plain[Symbol.asyncDispose]());

const limitedTo = (apiRateLimit: number) => ({ ...plain.deps.config, apiRateLimit });

async function statuses(server: TestServer, asked: readonly (readonly [string, Asked?])[]) {
  const found: number[] = [];
  for (const [path, how] of asked) found.push((await server.ask('GET', path, how)).status);
  return found;
}

describe('the limit of a key', () => {
  it('is told by every answer, and refuses with Retry-After', async () => {
    await using server = await openTestServer({ config: limitedTo(2) });
    const first = await server.ask('GET', '/accounts');
    expect(first.headers.get('ratelimit-policy')).toBe('"key";q=2;w=60, "address";q=20;w=60');
    expect(first.headers.get('ratelimit')).toBe('"key";r=1;t=60, "address";r=19;t=60');
    expect(first.headers.get('retry-after')).toBeNull();
    await server.ask('GET', '/accounts/unknown');
    const refused = await server.ask('GET', '/accounts');
    expect([refused.status, refused.body.error.code]).toEqual([429, 'RATE_LIMIT_EXCEEDED']);
    expect(refused.headers.get('ratelimit')).toMatch(/^"key";r=0;t=\d+, "address";r=18;t=\d+$/);
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(50);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(refused.body.error.details).toEqual({ retryAfterSeconds: seconds });
    const other = await server.makeKey('owner');
    expect((await server.ask('GET', '/accounts', { key: other })).status).toBe(200);
  });

  it('holds for all instances together', async () => {
    await using one = await openTestServer({ config: limitedTo(3) });
    const { db, sharedCalls } = one.deps;
    await using two = await openTestServer({ config: limitedTo(3), db, sharedCalls });
    const found: number[] = [];
    for (const server of [one, two, one, two, one]) {
      found.push((await server.ask('GET', '/accounts', { key: one.key })).status);
    }
    expect(found).toEqual([200, 200, 200, 429, 429]);
  });
});

describe('the limit of an address', () => {
  it('is ten times that of a key, over all keys, open pages and addresses without a route', async () => {
    await using server = await openTestServer({ config: limitedTo(1) });
    const key = await server.makeKey('owner');
    const open = { key: null };
    const found = await statuses(server, [
      ['/accounts'],
      ['/accounts', { key }],
      ['/nowhere'],
      ['/accounts', open],
      ...Array.from({ length: 6 }, () => ['//openapi.json', open] as const),
    ]);
    expect(found).toEqual([200, 200, 404, 401, ...Array(6).fill(200)]);
    const more = await statuses(server, [
      ['/accounts', { key: await server.makeKey('owner') }],
      ['//docs', open],
      ['/nowhere'],
      ['//admin/queues', open],
    ]);
    expect(more).toEqual([429, 429, 429, 429]);
  });

  it('holds for the handshakes of Socket.IO, which nobody has to bring a key for', async () => {
    await using server = await openTestServer({ config: limitedTo(1) });
    const shake = async () => {
      const answer = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`);
      await answer.text();
      return answer.status;
    };
    const found: number[] = [];
    for (let count = 0; count < 12; count += 1) found.push(await shake());
    expect(found).toEqual([...Array(10).fill(200), 403, 403]);
    expect(await statuses(server, [['/nowhere']])).toEqual([429]);
  });

  it('leaves out the probes and the figures', async () => {
    await using server = await openTestServer({ config: limitedTo(1) });
    const found = await statuses(
      server,
      Array.from({ length: 30 }, (_, index) => [['//health', '//ready', '//metrics'][index % 3] ?? '']),
    );
    expect(new Set(found)).toEqual(new Set([200]));
    expect((await server.ask('GET', '//health')).headers.has('ratelimit')).toBe(false);
    expect((await server.ask('GET', '/accounts')).status).toBe(200);
  });
});

describe('the limit of failed authentications', () => {
  it('holds for all instances together, whatever key is tried, and lets good keys pass', async () => {
    await using one = await openTestServer();
    const { db, sharedCalls } = one.deps;
    await using two = await openTestServer({ db, sharedCalls });
    const guess = (index: number) =>
      (index % 2 === 0 ? one : two).ask('GET', '/accounts', { key: `guess-${index}`.padEnd(40, 'x') });
    const answers = await Promise.all(Array.from({ length: 110 }, (_, index) => guess(index)));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(100);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(10);
    expect(answers[0]?.headers.get('ratelimit-policy')).toBe('"failed-authentication";q=100;w=60');
    expect((await two.ask('GET', '/accounts', { key: one.key })).status).toBe(200);
  });
});

describe('while Redis is away', () => {
  it('the memory of the instance counts, and Redis again once it is back', async () => {
    await using own = await openOwnRedis();
    const urls = [`redis://127.0.0.1:${own.port}`];
    await using redis = await openRedis({ location: { urls }, log: silentLog });
    const sharedCalls = makeSharedCalls(redis);
    await using server = await openTestServer({ config: limitedTo(2), sharedCalls });
    const ask = () => server.ask('GET', '/accounts');
    expect((await ask()).headers.get('ratelimit')).toContain('"key";r=1');
    await own.kill();
    expect([(await ask()).status, (await ask()).status, (await ask()).status]).toEqual([200, 200, 429]);
    const told = server.log.lines.filter(({ message }) => message.includes('by this instance alone'));
    expect(told).toHaveLength(1);
    const back = server.log.next('Limits of the API are counted for all instances again');
    await own.start();
    await back;
    expect((await ask()).headers.get('ratelimit')).toContain('"key";r=0');
  });
});
