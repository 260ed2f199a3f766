import { type Cluster, Redis } from 'ioredis';
import { withDeadline } from '../lib/abort.ts';
import { AppError, isAppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { explainSilence, makeCluster, watchCluster } from './cluster.ts';
import { ConnectionWatch } from './connection-watch.ts';
import { checkFitness } from './fitness.ts';

/** Where Redis is: a Unix socket, one server, or the nodes of a cluster. */
export type RedisLocation = { readonly path: string } | { readonly urls: readonly string[] };

export interface RedisSettings {
  readonly location: RedisLocation;
  readonly log: Logger;
  /** Before every key of ours; `switchboard` if not given. */
  readonly prefix?: string;
  /** How long opening waits for a server that does not answer; milliseconds. */
  readonly deadlineMs?: number;
}

/** An open connection to Redis that reconnects by itself for as long as it is open. */
export interface OpenRedis extends AsyncDisposable {
  /** For the rooms of the queue alone: BullMQ shares it and duplicates it where it must block. */
  readonly client: Redis | Cluster;
  /** In a cluster it is a hash tag, since all keys of a queue must lie on one node. */
  readonly prefix: string;
  /** Resolves when Redis has answered. @throws AppError REDIS_UNREACHABLE after `deadlineMs` */
  ping(deadlineMs: number): Promise<void>;
  /** Calls the listener each time that Redis is back from an outage; it returns at once and never throws. */
  onRecovered(listener: () => void): void;
}

const DEFAULT_PREFIX = 'switchboard';
const OPEN_DEADLINE_MS = 5_000;
/** A polite goodbye may take this long; then the socket is cut. */
const QUIT_DEADLINE_MS = 1_000;
/** The longest pause between two tries to reconnect: Redis is local or near, and messages wait. */
const MAX_RECONNECT_MS = 2_000;

/**
 * Connects to Redis and checks that it can be relied on; one that may lose what it took is told of in the log.
 * @throws AppError REDIS_UNREACHABLE, REDIS_UNFIT; their message names REDIS_URL and the remedy, never a password.
 */
export async function openRedis(settings: RedisSettings): Promise<OpenRedis> {
  const { location, log } = settings;
  const where = describeLocation(location);
  const client = makeClient(location);
  const watch = new ConnectionWatch(log);
  const name = settings.prefix ?? DEFAULT_PREFIX;
  const prefix = client.isCluster ? `{${name}}` : name;
  if (client.isCluster) watchCluster(client as Cluster, { key: prefix, watch, log });
  else watchServer(client as Redis, watch);
  try {
    const deadlineMs = settings.deadlineMs ?? OPEN_DEADLINE_MS;
    const { isAppending } = await withDeadline(checkFitness(client, prefix), deadlineMs, 'Reaching Redis');
    if (!isAppending) warnOfLoss(log, where);
  } catch (thrown) {
    watch.close();
    client.disconnect();
    if (isAppError(thrown, 'REDIS_UNFIT')) throw thrown;
    const explained = 'urls' in location && client.isCluster && (await explainSilence(location.urls));
    throw unreachable(where, explained || (watch.lastError ?? toError(thrown)));
  }
  return {
    client,
    prefix,
    async ping(deadlineMs) {
      try {
        // A key of ours: in a cluster the node has to answer that holds them.
        await withDeadline(client.exists(prefix), deadlineMs, 'A ping of Redis');
      } catch (thrown) {
        throw unreachable(where, toError(thrown));
      }
    },
    onRecovered: (listener) => watch.onRecovered(listener),
    async [Symbol.asyncDispose]() {
      watch.close();
      try {
        await withDeadline(client.quit(), QUIT_DEADLINE_MS, 'Leaving Redis');
      } catch (thrown) {
        log.debug('Redis was left without a goodbye', { error: toError(thrown).message });
      }
      client.disconnect();
    },
  };
}

function makeClient(location: RedisLocation): Redis | Cluster {
  const common = {
    // BullMQ needs commands to wait for Redis instead of failing while it is away.
    maxRetriesPerRequest: null,
    retryStrategy: reconnectDelayMs,
  } as const;
  if ('path' in location) return new Redis({ ...common, path: location.path });
  const [first, ...others] = location.urls;
  if (first === undefined) throw new AppError('CONFIG_INVALID', { message: 'REDIS_URL names no server.' });
  return others.length === 0 ? new Redis(first, common) : makeCluster(location.urls, reconnectDelayMs);
}

function reconnectDelayMs(attempt: number): number {
  return Math.min(MAX_RECONNECT_MS, 50 * 2 ** Math.min(attempt, 10));
}

/** Listens to what one server's client tells; unheard, its errors would end the process. */
function watchServer(client: Redis, watch: ConnectionWatch): void {
  client.on('ready', () => watch.answers());
  client.on('error', (thrown: unknown) => {
    watch.failed(toError(thrown));
    watch.lost();
  });
  client.on('close', () => watch.lost());
}

function warnOfLoss(log: Logger, where: string): void {
  log.warn('Redis keeps no append-only file: what it has taken is lost if it crashes', {
    where,
    remedy:
      'Set appendonly to yes in its configuration. Messages that it loses are read back from the phone, but may then stand behind later ones.',
  });
}

/** Host and port, or the socket: what a log may show. */
function describeLocation(location: RedisLocation): string {
  if ('path' in location) return location.path;
  return location.urls
    .map((url) => (URL.canParse(url) ? new URL(url).host : 'an address that is no URL'))
    .join(', ');
}

function unreachable(where: string, cause: Error): AppError {
  return new AppError('REDIS_UNREACHABLE', {
    message:
      `Redis does not answer at ${where} (${cause.message}). Start it or correct REDIS_URL; ` +
      'without REDIS_URL the daemon brings up its own.',
    cause,
  });
}
