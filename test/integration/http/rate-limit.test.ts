import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
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

  describe('holds for Socket.IO', () => {
    const HANDSHAKE = 'EIO=4&transport=polling';

    async function shake(server: TestServer, query: string, init: RequestInit = {}) {
      const answer = await fetch(`${server.url}/socket.io/?${query}`, init);
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    }

    it.each([
      ['handshakes, which nobody has to bring a key for', HANDSHAKE, 'GET', 200],
      ['sessions that nobody has', `${HANDSHAKE}&sid=x`, 'GET', 400],
      ['transports that nobody knows', 'EIO=4&transport=nope', 'GET', 400],
      ['methods that are not its own', HANDSHAKE, 'DELETE', 400],
    ])('as to %s', async (_what, query, method, status) => {
      await using server = await openTestServer({ config: limitedTo(1) });
      const answers: Awaited<ReturnType<typeof shake>>[] = [];
      for (let count = 0; count < 12; count += 1) answers.push(await shake(server, query, { method }));
      expect(answers.map((each) => each.status)).toEqual([...Array(10).fill(status), 429, 429]);
      expect(answers[0]?.headers.get('ratelimit')).toBe('"address";r=9;t=60');
      const refused = answers.at(-1);
      expect(JSON.parse(refused?.text ?? '').error.code).toBe('RATE_LIMIT_EXCEEDED');
      expect(refused?.headers.get('ratelimit')).toMatch(/^"address";r=0;t=\d+$/);
      expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(50);
      expect(await statuses(server, [['/nowhere']])).toEqual([429]);
    });

    it('as to WebSockets, which are refused with 429', async () => {
      await using server = await openTestServer({ config: limitedTo(1) });
      const wish = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
      const headers = { ...wish, 'sec-websocket-key': Buffer.alloc(16).toString('base64') };
      const open = async () => {
        const asked = request(`${server.url}/socket.io/?EIO=4&transport=websocket`, { headers }).end();
        const [answer, socket] = await Promise.race([once(asked, 'upgrade'), once(asked, 'response')]);
        socket?.destroy();
        return answer.statusCode;
      };
      const found: number[] = [];
      for (let count = 0; count < 11; count += 1) found.push(await open());
      expect(found).toEqual([...Array(10).fill(101), 429]);
    });

    it('and a client that keeps its side open after that does not hold the server up', async () => {
      const server = await openTestServer({ config: limitedTo(1) });
      for (let count = 0; count < 10; count += 1) await shake(server, HANDSHAKE);
      const { hostname, port } = new URL(server.url);
      const client = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
      const wish = ['GET /socket.io/?EIO=4&transport=websocket HTTP/1.1', `Host: ${hostname}`];
      const key = `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`;
      const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', key];
      client.write(`${[...wish, ...upgrade].join('\r\n')}\r\n\r\n`);
      expect(await text(client)).toMatch(/^HTTP\/1.1 429 /);
      client.on('error', () => undefined);
      await server[Symbol.asyncDispose]();
      client.destroy();
    });

    it('as to what a client posts, and never as to its polls', async () => {
      await using server = await openTestServer({ config: limitedTo(1) });
      const { sid } = JSON.parse((await shake(server, HANDSHAKE)).text.slice(1));
      const mine = `${HANDSHAKE}&sid=${sid}`;
      const post = () =>
        shake(server, mine, { method: 'POST', body: `40${JSON.stringify({ token: server.key })}` });
      expect((await post()).text).toBe('ok');
      let refused = 0;
      for (let count = 0; count < 10; count += 1)
        refused += Number((await server.ask('GET', '/nowhere')).status === 429);
      expect(refused).toBeGreaterThan(0);
      expect((await shake(server, mine)).text).toMatch(/^40/);
      expect((await post()).status).toBe(429);
    });
  });

  it.each([
    ['that cannot be read', 'GET /api/v1/whatsapp/accounts/% HTTP/1.1', '', 400],
    ['that are longer than any id', `GET /api/v1/whatsapp/accounts/${'x'.repeat(600)} HTTP/1.1`, '', 404],
    ['with what is not met', 'GET /nowhere HTTP/1.1', 'Expect: wonders\r\n', 417],
  ])('holds for requests %s', async (_what, line, header, status) => {
    await using server = await openTestServer({ config: limitedTo(1) });
    const ask = async () => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      socket.write(`${line}\r\nHost: x\r\n${header}Connection: close\r\n\r\n`);
      return text(socket);
    };
    const answers: string[] = [];
    for (let count = 0; count < 11; count += 1) answers.push(await ask());
    const statusOf = (answer: string) => Number(answer.split(' ')[1]);
    expect(answers.map(statusOf)).toEqual([...Array(10).fill(status), 429]);
    expect(answers[0]).toContain('ratelimit: "address";r=9;t=60');
    expect(answers.at(-1)).toMatch(/retry-after: \d+\r\n/);
    expect(answers.at(-1)).toContain('RATE_LIMIT_EXCEEDED');
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
