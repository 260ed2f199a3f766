import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { inject } from 'vitest';
import type { RedisConnection } from '../../src/embedded/redis.ts';

/** Keys asked for at a time when the file's keys are removed. */
const SCAN_COUNT = 1_000;

/** The Redis of the run, with a prefix of this test file alone. Disposing removes the keys under it. */
export interface TestRedis extends AsyncDisposable {
  /** For ioredis. */
  readonly connection: RedisConnection;
  /** For `keyPrefix` of ioredis or `prefix` of BullMQ. */
  readonly prefix: string;
}

/** Call it once a file, in `beforeAll`. */
export function openTestRedis(): TestRedis {
  const connection = inject('backends').redis;
  const prefix = `test-${randomBytes(6).toString('hex')}`;
  return {
    connection,
    prefix,
    [Symbol.asyncDispose]: () => removeKeys(connection, prefix),
  };
}

async function removeKeys(connection: RedisConnection, prefix: string): Promise<void> {
  const redis = new Redis(connection);
  try {
    for await (const keys of redis.scanStream({ match: `${prefix}*`, count: SCAN_COUNT })) {
      if (keys.length > 0) await redis.unlink(keys);
    }
  } finally {
    await redis.quit();
  }
}
