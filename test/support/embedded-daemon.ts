/**
 * A daemon that does nothing but hold its data folder and its servers, for tests that kill it: prints the connections
 * as one line of JSON and waits. Its argument is DATA_PATH.
 */
import { once } from 'node:events';
import { openDataFolder } from '../../src/embedded/data-folder.ts';
import { openEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { openEmbeddedRedis } from '../../src/embedded/redis.ts';
import { RecordingLogger } from './recording-logger.ts';

const { signal } = new AbortController();
const folder = await openDataFolder(process.argv[2] ?? '');
const deps = { dataPath: folder.path, log: new RecordingLogger(), env: process.env };
const postgres = await openEmbeddedPostgres(deps, { signal });
const redis = await openEmbeddedRedis(deps, { signal });
console.log(JSON.stringify({ postgres: postgres.connection, redis: redis.connection }));
await once(process.stdin.resume(), 'end');
