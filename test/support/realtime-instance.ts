import { type Announcer, openAnnouncer } from '../../src/accounts/announcer.ts';
import { parseInstanceId } from '../../src/accounts/ids.ts';
import { DEFAULT_TIMINGS } from '../../src/config/session-timings.ts';
import { openAccessWatch } from '../../src/db/access-watch.ts';
import { type Executor, openDatabase } from '../../src/db/database.ts';
import type { PostgresConnection } from '../../src/embedded/postgres.ts';
import type { HttpDeps } from '../../src/http/context.ts';
import { openHttpServer } from '../../src/http/server.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Logger } from '../../src/lib/logger.ts';
import { openChangeFeed } from '../../src/messages/change-feed.ts';
import { Metrics } from '../../src/observability/metrics.ts';
import { makeBoard } from '../../src/queue/board.ts';
import { openRedis, type RedisLocation } from '../../src/queue/connection.ts';
import { openEventStream } from '../../src/queue/event-stream.ts';
import { openQueues } from '../../src/queue/producer.ts';
import { makeSharedCalls } from '../../src/queue/rate-limit-calls.ts';
import { makeKeyRing } from '../../src/vault/key-ring.ts';

/** Signs the tokens of users that every instance lets in. */
export const TOKEN_SECRET = 'a-secret-for-the-tokens-of-tests-1234567';

/** Where an instance finds the stores that it shares with others. */
export interface InstancePlaces {
  readonly connection: PostgresConnection;
  readonly redis: RedisLocation;
  readonly prefix: string;
  readonly name: string;
}

/** As much of a daemon as tells its clients what happens; it has no sessions and takes no messages. */
export interface RealtimeInstance extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly db: Executor;
  readonly announcer: Announcer;
}

export async function openRealtimeInstance(places: InstancePlaces, log: Logger): Promise<RealtimeInstance> {
  await using stack = new AsyncDisposableStack();
  const instanceId = parseInstanceId(places.name);
  const { db } = stack.use(openDatabase({ connection: places.connection, log, poolSize: 4 }));
  const redis = stack.use(await openRedis({ location: places.redis, prefix: places.prefix, log }));
  const queues = stack.use(await openQueues({ redis, instanceId, log }));
  const clock = systemClock;
  const findStatus = () => undefined;
  const announcer = stack.use(await openAnnouncer({ db, findStatus, timings: DEFAULT_TIMINGS, clock, log }));
  const events = stack.use(await openEventStream({ redis, name: 'realtime', log }));
  const feed = stack.use(openChangeFeed({ db, connection: places.connection, clock, log }));
  const accessChanges = stack.use(await openAccessWatch({ connection: places.connection, log }));
  const keyRing = stack.use(makeKeyRing({ current: Buffer.alloc(32, 'key of all instances'), previous: [] }));
  const unused = {} as never;
  const deps: HttpDeps = {
    config: {
      host: '127.0.0.1',
      port: 0,
      apiRateLimit: 0,
      allowedOrigins: [],
      jwt: { secret: TOKEN_SECRET, jwksUrl: null },
    },
    accountDefaults: { dailyLimit: 1_000, timezone: 'UTC' },
    messageRateLimit: 20,
    instanceId,
    db,
    channel: unused,
    outbox: unused,
    uploads: unused,
    media: unused,
    vault: unused,
    board: makeBoard(queues),
    metrics: new Metrics(),
    onAnswered: () => undefined,
    campaigns: unused,
    sharedCalls: makeSharedCalls(redis),
    announcements: announcer,
    accessChanges,
    webhooks: { ...(unused as object), onDisabled: () => () => undefined } as never,
    feed,
    events,
    keyRing,
    checks: {},
    clock,
    log,
  };
  const server = stack.use(await openHttpServer(deps, { signal: new AbortController().signal }));
  const opened = stack.move();
  return {
    url: server.url,
    port: server.port,
    db,
    announcer,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
