/**
 * The PostgreSQL and the Redis of one test run, in a process of their own: it prints the connections as one line
 * of JSON and serves until its standard input closes, which happens however the run ends, SIGKILL included. Then
 * it stops the servers and removes their folder.
 *
 * The database `switchboard` holds the migrated schema and is the template that test files clone.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { openDatabase } from '../../src/db/database.ts';
import { migrateToLatest } from '../../src/db/migrator.ts';
import { ensurePartitions, MONTHS_AHEAD } from '../../src/db/partitions.ts';
import { openDataFolder } from '../../src/embedded/data-folder.ts';
import { openEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import {
  getPostgresPrograms,
  openCluster,
  POSTGRES_ROLE,
  runAsSuperuser,
} from '../../src/embedded/postgres-cluster.ts';
import { findPostgresUser } from '../../src/embedded/postgres-user.ts';
import { openEmbeddedRedis } from '../../src/embedded/redis.ts';
import type { Logger } from '../../src/lib/logger.ts';

const log: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (message, fields) => console.error(message, fields),
  error: (message, fields) => console.error(message, fields),
  child: () => log,
};

/** Lets the role of the tests make databases, which the daemon's role may not. */
async function allowCloning(dataPath: string): Promise<void> {
  const programs = await getPostgresPrograms(process.env);
  const user = await findPostgresUser();
  const context = { dataPath, programs, user, env: process.env, log };
  const { dataFolder } = await openCluster(context);
  await runAsSuperuser(dataFolder, 'postgres', [`ALTER ROLE ${POSTGRES_ROLE} CREATEDB`], context);
}

const gone = finished(process.stdin.resume(), { writable: false });
const cancel = new AbortController();
void gone.finally(() => cancel.abort());

await using stack = new AsyncDisposableStack();
const temporary = await mkdtemp(join(tmpdir(), 'switchboard-test-'));
stack.defer(() => rm(temporary, { recursive: true, force: true }));
const folder = stack.use(await openDataFolder(temporary));
await allowCloning(folder.path);
const deps = { dataPath: folder.path, log, env: process.env };
const [postgres, redis] = await Promise.all([
  openEmbeddedPostgres(deps, cancel).then((opened) => stack.use(opened)),
  openEmbeddedRedis(deps, cancel).then((opened) => stack.use(opened)),
]);
{
  await using template = openDatabase({ connection: postgres.connection, log, poolSize: 1 });
  await migrateToLatest(template.db);
  await ensurePartitions(template.db, new Date(), MONTHS_AHEAD);
}
console.log(JSON.stringify({ postgres: postgres.connection, redis: redis.connection, folder: folder.path }));
await gone;
