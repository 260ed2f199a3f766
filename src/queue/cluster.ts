/**
 * A Redis Cluster. All keys of ours share one slot, so one master holds them: it is the server that counts, and the others
 * lead to it and take over.
 */
import { Cluster, Redis } from 'ioredis';
import { orAborted, waitMs, withDeadline } from '../lib/abort.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { Wake } from '../lib/wake.ts';
import type { ConnectionWatch } from './connection-watch.ts';

/** How often the cluster is asked which node holds what: a master that went silent is left then for the one after it. Milliseconds. */
const REFRESH_MS = 5_000;
/** The pause before a command that was sent on to another node goes there: two that disagree must not be asked in a loop. Milliseconds. */
const MOVED_PAUSE_MS = 20;
/** A cluster that has not answered after this is away; milliseconds. */
const SLOW_MS = 2_000;
/** The pause after a question that failed; milliseconds. */
const RETRY_MS = 200;
/** How long one node may take to say what is wrong; milliseconds. */
const EXPLAIN_MS = 3_000;

/** A client of the cluster with these nodes; their user, password and TLS are those of the first. Commands wait until it answers. */
export function makeCluster(urls: readonly string[], reconnectDelayMs: (attempt: number) => number): Cluster {
  const [first = ''] = urls;
  const { username, password, protocol } = new URL(first);
  return new Cluster([...urls], {
    clusterRetryStrategy: reconnectDelayMs,
    slotsRefreshInterval: REFRESH_MS,
    retryDelayOnMoved: MOVED_PAUSE_MS,
    // Else a command would fail when the node that it needs has been away for a second.
    maxRedirections: Number.POSITIVE_INFINITY,
    // With it a connection that is made while the cluster is down never tells of its end, and a worker would wait for ever.
    enableReadyCheck: false,
    // A name stays one: certificates are made out to it.
    dnsLookup: (hostname, callback) => callback(null, hostname),
    redisOptions: {
      maxRetriesPerRequest: null,
      ...(username === '' ? {} : { username: decodeURIComponent(username) }),
      ...(password === '' ? {} : { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' ? { tls: {} } : {}),
    },
  });
}

/** Why a cluster may not have answered, as its first node tells; undefined if that one works. The client itself hides it. */
export async function explainSilence([first = '']: readonly string[]): Promise<Error | undefined> {
  const node = new Redis(first, {
    lazyConnect: true,
    retryStrategy: null,
    connectTimeout: EXPLAIN_MS,
    commandTimeout: EXPLAIN_MS,
  });
  let cause: Error | undefined;
  node.on('error', (thrown: unknown) => {
    cause ??= toError(thrown);
  });
  try {
    await node.connect();
    const state = /cluster_state:(\w+)/.exec(await node.cluster('INFO'))?.[1];
    return state === 'ok' ? undefined : new Error(`its cluster_state is ${state}`);
  } catch (thrown) {
    return cause ?? toError(thrown);
  } finally {
    node.disconnect();
  }
}

export interface ClusterWatchOptions {
  /** Any key of ours. */
  readonly key: string;
  readonly watch: ConnectionWatch;
  readonly log: Logger;
}

/**
 * Looks whether the node answers that holds the key: whenever a connection ends, and each time that the cluster was asked who
 * holds what. An outage is when it does not, when the connection to it ended, and when another holds the key now, which may
 * know less: a replica takes over without the last moment. Goes on until the watch is closed; unheard, errors would end the
 * process.
 */
export function watchCluster(client: Cluster, options: ClusterWatchOptions): void {
  const { watch, log } = options;
  const wake = new Wake();
  const ended = new Set<string>();
  client.on('error', (thrown: unknown) => watch.failed(toError(thrown)));
  client.on('node error', (thrown: unknown) => watch.failed(toError(thrown)));
  client.on('-node', ({ options: { host, port } }) => {
    ended.add(`${host}:${port}`);
    wake.wake();
  });
  client.on('refresh', () => wake.wake());
  const look = makeLook(client, options, ended);
  const run = async (signal: AbortSignal) => {
    for (;;) {
      try {
        await wake.wait(signal);
        await look(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        log.debug('The cluster answers with an error', { error: toError(thrown).message });
        await waitMs(RETRY_MS, signal).catch(() => undefined);
        wake.wake();
      }
    }
  };
  void run(watch.closing);
}

/** Makes the look itself; it resolves once the node has answered. */
function makeLook(
  client: Cluster,
  { key, watch }: ClusterWatchOptions,
  ended: Set<string>,
): (signal: AbortSignal) => Promise<void> {
  let slot: number | undefined;
  let owner: string | undefined;
  return async (signal) => {
    slot ??= await orAborted(client.cluster('KEYSLOT', key), signal);
    const isSame = owner === client.slots[slot]?.[0] && !ended.has(owner ?? '');
    if (!isSame) watch.lost();
    const answer = client.exists(key);
    try {
      await withDeadline(orAborted(answer, signal), SLOW_MS, 'Redis');
    } catch {
      signal.throwIfAborted();
      watch.lost();
      await orAborted(answer, signal);
    }
    // Connections that ended meanwhile belong to the same outage.
    ended.clear();
    owner = client.slots[slot]?.[0];
    watch.answers();
  };
}
