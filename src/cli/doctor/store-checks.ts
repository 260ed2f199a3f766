import type { StoreLocation } from '../../config/config.ts';
import type { Environment } from '../../config/environment.ts';
import { openDatabase, pingDatabase, readServerClock } from '../../db/database.ts';
import { requireServerVersion, type ServerVersion } from '../../db/server-version.ts';
import { getPostgresPrograms } from '../../embedded/postgres-cluster.ts';
import { getRedisProgram } from '../../embedded/redis.ts';
import { serverEnvironment } from '../../embedded/server-environment.ts';
import { isAppError, toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { openRedis } from '../../queue/connection.ts';
import { splitRemedy } from './chromium-check.ts';
import { bad, type Finding, good, joinFindings, warning } from './finding.ts';

/** A store that is near answers within milliseconds. */
const DEADLINE_MS = 5_000;

/** REDIS_URL answers and can be relied on; without it, the program that the daemon brings up itself. */
export async function checkRedis(
  location: StoreLocation<{ readonly urls: readonly string[] }>,
  env: Environment,
): Promise<Finding> {
  try {
    if (location.kind === 'embedded') {
      return good(`The daemon runs its own: ${await getRedisProgram(serverEnvironment(env))}.`);
    }
    const { log, findings } = listenForWarnings();
    await using redis = await openRedis({ location, log, deadlineMs: DEADLINE_MS });
    await redis.ping(DEADLINE_MS);
    const answers = good('The Redis at REDIS_URL answers, and drops nothing to make room.');
    return joinFindings([answers, ...findings]);
  } catch (thrown) {
    return errorToFinding(thrown, 'REDIS_URL');
  }
}

/** What was found of a database, and its clock. */
export interface PostgresFinding {
  readonly finding: Finding;
  /** How far this machine's clock is ahead of the server's, in milliseconds; undefined if it was not asked. */
  readonly aheadMs: number | undefined;
}

/** DATABASE_URL answers and is new enough; without it, the programs that the daemon brings up itself. */
export async function checkPostgres(
  location: StoreLocation<{ readonly url: string }>,
  env: Environment,
): Promise<PostgresFinding> {
  try {
    if (location.kind === 'embedded') {
      const { major } = await getPostgresPrograms(serverEnvironment(env));
      return { finding: good(`The daemon runs its own: PostgreSQL ${major}.`), aheadMs: undefined };
    }
    const connection = { connectionString: location.url, connectionTimeoutMillis: DEADLINE_MS };
    await using database = openDatabase({ connection, log: listenForWarnings().log, poolSize: 1 });
    await pingDatabase(database.db, DEADLINE_MS);
    const asked = Date.now();
    const server = await readServerClock(database.db);
    const aheadMs = (asked + Date.now()) / 2 - server.now.getTime();
    return { finding: judgeVersion(server), aheadMs };
  } catch (thrown) {
    return { finding: errorToFinding(thrown, 'DATABASE_URL'), aheadMs: undefined };
  }
}

function judgeVersion(server: ServerVersion): Finding {
  try {
    requireServerVersion(server);
    return good(`PostgreSQL ${server.version} answers at DATABASE_URL.`);
  } catch (thrown) {
    return errorToFinding(thrown, 'DATABASE_URL');
  }
}

/** Our errors name the remedy; of others the server, or this variable, is the place to look at. */
function errorToFinding(thrown: unknown, variable: 'REDIS_URL' | 'DATABASE_URL'): Finding {
  const { message } = toError(thrown);
  if (isAppError(thrown)) return bad(...splitRemedy(message));
  return bad(message, `Look at what ${variable} names, and at the log of that server.`);
}

/** A logger that hears what the daemon's log would be warned of, where there is a remedy; the findings are those. */
function listenForWarnings(): { readonly log: Logger; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const nothing = () => undefined;
  const log: Logger = {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: (message, { remedy } = {}) =>
      void (typeof remedy === 'string' && findings.push(warning(`${message}.`, remedy))),
    child: () => log,
  };
  return { log, findings };
}
