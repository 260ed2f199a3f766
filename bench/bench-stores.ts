import { join } from 'node:path';
import { openDataFolder } from '../src/embedded/data-folder.ts';
import { openEmbeddedPostgres, type PostgresConnection } from '../src/embedded/postgres.ts';
import { openEmbeddedRedis, type RedisConnection } from '../src/embedded/redis.ts';
import type { Logger } from '../src/lib/logger.ts';

/** A log that nobody reads, but for what goes wrong. */
export const quietLog: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (message, fields) => process.stderr.write(`${message} ${JSON.stringify(fields ?? {})}\n`),
  child: () => quietLog,
};

export interface BenchStores extends AsyncDisposable {
  readonly postgres: PostgresConnection;
  readonly redis: RedisConnection;
  /** The folder of both. */
  readonly dataPath: string;
}

/** A PostgreSQL and a Redis like those that a daemon brings up for itself, in a folder of their own. */
export async function openBenchStores(folder: string, signal: AbortSignal): Promise<BenchStores> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await openDataFolder(join(folder, 'stores')));
  const deps = { dataPath: path, log: quietLog, env: process.env };
  const postgres = stack.use(await openEmbeddedPostgres(deps, { signal }));
  const redis = stack.use(await openEmbeddedRedis(deps, { signal }));
  const opened = stack.move();
  return {
    postgres: postgres.connection,
    redis: redis.connection,
    dataPath: path,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** The same as a DATABASE_URL, for a process of its own. */
export function connectionToUrl({ host, port, user, password, database }: PostgresConnection): string {
  const query = new URLSearchParams({ host, port: String(port) });
  return `postgresql://${user}:${password}@/${database}?${query}`;
}
