import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type OpenRedis, openRedis } from '../../../src/queue/connection.ts';
import { makeSharedCalls, type SharedCalls } from '../../../src/queue/rate-limit-calls.ts';
import { openTestRedis } from '../../support/redis.ts';
import { silentLog } from '../../support/silent-log.ts';

const stack = new AsyncDisposableStack();
let redis: OpenRedis;
let client: Redis;
let calls: SharedCalls;
let others: SharedCalls;
let caller: string;
beforeAll(async () => {
  const { connection, prefix, ...test } = openTestRedis();
  stack.use(test);
  redis = stack.use(await openRedis({ location: connection, prefix, log: silentLog }));
  client = redis.client as Redis;
  calls = makeSharedCalls(redis);
  others = makeSharedCalls(stack.use(await openRedis({ location: connection, prefix, log: silentLog })));
});
afterAll(() => stack.disposeAsync());
beforeEach(() => {
  caller = crypto.randomUUID();
});

const key = () => `${redis.prefix}:calls:${caller}`;
const call = (limit: number, from = calls) => from.count([{ caller, limit }], 60);

/** Makes what was counted older, as if so many seconds had passed. */
async function age(seconds: number): Promise<void> {
  const fields = await client.hgetall(key());
  await client.del(key());
  const older = Object.entries(fields).map(([name, value]) => {
    if (name === 'total') return [name, value];
    return name === 'oldest' ? [name, Number(value) - seconds] : [Number(name) - seconds, value];
  });
  await client.hset(key(), ...older.flat());
}

describe('calls that are counted in Redis', () => {
  it('are allowed up to the limit, by all instances together', async () => {
    const counts = [await call(3), await call(3, others), await call(3), await call(3, others)];
    expect(counts.map(({ allowed }) => allowed)).toEqual([true, true, true, false]);
    expect(counts.map(({ standings }) => standings[0]?.remaining)).toEqual([2, 1, 0, 0]);
  });

  it('are counted exactly while many come at once', async () => {
    const from = [calls, others];
    const counts = await Promise.all(
      Array.from({ length: 300 }, (_, index) => call(100, from[index % 2] ?? calls)),
    );
    expect(counts.filter(({ allowed }) => allowed)).toHaveLength(100);
  });

  it('leave the window one after another', async () => {
    await call(2);
    await age(40);
    await call(2);
    const refused = await call(2);
    expect(refused.allowed).toBe(false);
    expect(refused.standings[0]?.waitSeconds).toBeGreaterThan(17);
    expect(refused.standings[0]?.waitSeconds).toBeLessThanOrEqual(20);
    await age(20);
    const counts = [await call(2), await call(2)];
    expect(counts.map(({ allowed }) => allowed)).toEqual([true, false]);
    await age(61);
    expect((await call(2)).standings[0]).toEqual({ remaining: 1, waitSeconds: 60 });
    expect((await client.hkeys(key())).length).toBe(3);
  });

  it('are counted against all of their quotas, or against none', async () => {
    const narrow = { caller: `${caller}-narrow`, limit: 1 };
    const both = () => calls.count([{ caller, limit: 5 }, narrow], 60);
    expect((await both()).allowed).toBe(true);
    expect(await both()).toMatchObject({ allowed: false, standings: [{ remaining: 4 }, { remaining: 0 }] });
    expect((await call(5)).standings[0]?.remaining).toBe(3);
  });

  it('leave the window also while another quota refuses', async () => {
    const narrow = { caller: `${caller}-narrow`, limit: 1 };
    await calls.count([narrow], 60);
    await call(2);
    await call(2);
    await age(61);
    const refused = await calls.count([{ caller, limit: 2 }, narrow], 60);
    expect(refused).toMatchObject({ allowed: false, standings: [{ remaining: 2 }, { remaining: 0 }] });
    expect((await call(2)).standings[0]?.remaining).toBe(1);
  });

  it('are forgotten by themselves', async () => {
    await call(2);
    const seconds = await client.ttl(key());
    expect(seconds).toBeGreaterThan(58);
    expect(seconds).toBeLessThanOrEqual(61);
  });

  it('of a clock that was set back hold nobody up for longer than the window', async () => {
    await call(1);
    await age(-3_600);
    expect((await call(1)).standings[0]?.waitSeconds).toBeLessThanOrEqual(60);
  });
});
