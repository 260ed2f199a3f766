import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRedis } from '../../../src/queue/connection.ts';
import { type OwnRedis, openOwnRedis } from '../../support/own-redis.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { openTestRedis } from '../../support/redis.ts';
import { silentLog } from '../../support/silent-log.ts';

const PASSWORD = 'correct-horse-battery';

const stack = new AsyncDisposableStack();
let own: OwnRedis;

beforeAll(async () => {
  own = stack.use(await openOwnRedis(['--requirepass', PASSWORD]));
});
afterAll(() => stack.disposeAsync());

const open = (...urls: string[]) => openRedis({ location: { urls }, log: silentLog, deadlineMs: 1_000 });

describe('a Redis that answers', () => {
  it('is opened by its socket', async () => {
    const { connection, prefix } = openTestRedis();
    await using redis = await openRedis({ location: connection, prefix, log: silentLog });
    await redis.ping(1_000);
    expect(redis.prefix).toBe(prefix);
  });

  it('is opened by its URL, with a password', async () => {
    await using redis = await open(`redis://:${PASSWORD}@127.0.0.1:${own.port}/0`);
    await redis.ping(1_000);
    expect(redis.prefix).toBe('switchboard');
  });
});

describe('a Redis that cannot be reached', () => {
  it.each([
    ['refuses', `redis://user:${PASSWORD}@127.0.0.1:1/0`, '127.0.0.1:1'],
    ['has no name', `redis://:${PASSWORD}@no-such-host.invalid:6379`, 'no-such-host.invalid:6379'],
  ])('is named with the remedy and without its password: it %s', async (_, url, where) => {
    const message = await open(url).then(
      () => expect.fail('opened'),
      (error) => {
        expect(error).toMatchObject({ code: 'REDIS_UNREACHABLE' });
        return String(error.message);
      },
    );
    expect(message).toContain(where);
    expect(message).toContain('REDIS_URL');
    expect(message).not.toContain(PASSWORD);
  });

  it('because of a wrong password is named so', async () => {
    await expect(open(`redis://:wrong-one@127.0.0.1:${own.port}`)).rejects.toMatchObject({
      code: 'REDIS_UNREACHABLE',
      message: expect.stringMatching(/WRONGPASS|NOAUTH/),
    });
  });

  it('because nobody listens at the socket is named by the socket', async () => {
    const location = { path: '/nonexistent/redis.sock' };
    await expect(openRedis({ location, log: silentLog, deadlineMs: 500 })).rejects.toMatchObject({
      code: 'REDIS_UNREACHABLE',
      message: expect.stringContaining('/nonexistent/redis.sock'),
    });
  });
});

describe('a Redis that would drop keys', () => {
  it('is refused with the remedy', async () => {
    await using bad = await openOwnRedis(['--maxmemory-policy', 'allkeys-lru']);
    await expect(open(`redis://127.0.0.1:${bad.port}`)).rejects.toMatchObject({
      code: 'REDIS_UNFIT',
      message: expect.stringContaining('noeviction'),
    });
  });
});

describe('a Redis without an append-only file', () => {
  it.each([
    ['no', [expect.objectContaining({ remedy: expect.stringContaining('appendonly') })]],
    ['yes', []],
  ])('is told of with the remedy: appendonly %s', async (appendonly, expected) => {
    await using server = await openOwnRedis(['--appendonly', appendonly]);
    const log = new RecordingLogger();
    const urls = [`redis://127.0.0.1:${server.port}`];
    await using redis = await openRedis({ location: { urls }, log, deadlineMs: 1_000 });
    await redis.ping(1_000);
    expect(log.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields)).toEqual(expected);
  });
});

describe('while Redis is away', () => {
  it('a ping says so, and works again afterwards', async () => {
    await using server = await openOwnRedis();
    await using redis = await open(`redis://127.0.0.1:${server.port}`);
    await server.kill();
    await expect(redis.ping(200)).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE' });
    await server.start();
    await redis.ping(10_000);
  });

  it('who wants to know is told that it is back, once each time', async () => {
    await using server = await openOwnRedis();
    await using redis = await open(`redis://127.0.0.1:${server.port}`);
    for (const round of [1, 2]) {
      const recovered = Promise.withResolvers<number>();
      redis.onRecovered(() => recovered.resolve(round));
      await server.kill();
      await server.start();
      expect(await recovered.promise).toBe(round);
    }
  });

  it('closing does not wait for it', async () => {
    await using server = await openOwnRedis();
    const redis = await open(`redis://127.0.0.1:${server.port}`);
    await server.kill();
    await expect(redis[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });
});
