import { Redis } from 'ioredis';
import { findFreePort } from '../../scripts/daemon-process.ts';
import { type OwnRedis, type OwnRedisSettings, openOwnRedis } from './own-redis.ts';

/** A Redis Cluster of one test alone, on free ports of this machine: three masters, or as many as are asked for. */
export interface RedisCluster extends AsyncDisposable {
  /** In the order of their slots, masters first. */
  readonly nodes: readonly OwnRedis[];
  /** For REDIS_URL: the masters. */
  readonly urls: readonly string[];
  /** The node that holds a key now, as another node knows it. */
  ownerOf(key: string): Promise<OwnRedis>;
  /** The node that has taken a key over from this one, once it has. */
  takenOver(key: string, from: OwnRedis): Promise<OwnRedis>;
  /** Resolves when this node says that the cluster takes nothing. */
  failed(node: OwnRedis): Promise<void>;
}

export interface RedisClusterSettings {
  readonly masters?: number;
  /** Gives each master one replica. */
  readonly replicas?: boolean;
  readonly password?: string;
  /** Speak TLS only, as `localhost`. */
  readonly tls?: OwnRedisSettings['tls'];
  /** Command-line arguments of the nodes, by their place. */
  readonly settings?: (nth: number) => readonly string[];
}

const SLOTS = 16_384;
/** A node that is silent for so long is down; milliseconds. */
const NODE_TIMEOUT_MS = 1_000;

export async function openRedisCluster(settings: RedisClusterSettings = {}): Promise<RedisCluster> {
  const { masters = 3, replicas = false, password, tls } = settings;
  await using stack = new AsyncDisposableStack();
  const count = replicas ? masters * 2 : masters;
  const nodes: OwnRedis[] = [];
  for (let nth = 0; nth < count; nth += 1) {
    nodes.push(stack.use(await openNode(settings, nth)));
  }
  const ask = async (node: OwnRedis, ...command: [string, ...string[]]) => {
    const redis = new Redis({
      port: node.port,
      host: tls ? 'localhost' : '127.0.0.1',
      ...(password === undefined ? {} : { password }),
      ...(tls ? { tls: { ca: tls.cert } } : {}),
    });
    try {
      const [name, ...rest] = command;
      return await redis.call(name, ...rest);
    } finally {
      redis.disconnect();
    }
  };
  await join(nodes, masters, ask);
  const ownerOf = async (key: string, among = nodes) => {
    const [asked] = among;
    if (asked === undefined) throw new Error('No node is left.');
    const slot = Number(await ask(asked, 'CLUSTER', 'KEYSLOT', key));
    const ranges = (await ask(asked, 'CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    const range = ranges.find(([from, to]) => from <= slot && slot <= to);
    const owner = nodes.find(({ port }) => port === range?.[2][1]);
    if (owner === undefined) throw new Error(`No node holds the slot ${slot}.`);
    return owner;
  };
  const opened = stack.move();
  const credentials = password === undefined ? '' : `:${password}@`;
  return {
    nodes,
    urls: nodes
      .slice(0, masters)
      .map(({ port }) =>
        tls ? `rediss://${credentials}localhost:${port}` : `redis://${credentials}127.0.0.1:${port}`,
      ),
    ownerOf,
    async takenOver(key, from) {
      const others = nodes.filter((node) => node !== from);
      for (;;) {
        const owner = await ownerOf(key, others);
        if (owner !== from) return owner;
      }
    },
    failed: (node) =>
      until(async () => String(await ask(node, 'CLUSTER', 'INFO')).includes('cluster_state:fail')),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function openNode(settings: RedisClusterSettings, nth: number): Promise<OwnRedis> {
  const { password, tls } = settings;
  const arguments_ = [
    ...['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'],
    // By itself it would be the port and 10,000, which may be no port at all.
    ...['--cluster-port', String(await findFreePort())],
    ...['--cluster-node-timeout', String(NODE_TIMEOUT_MS)],
    ...(password === undefined ? [] : ['--requirepass', password, '--masterauth', password]),
    ...(tls
      ? [
          ...['--tls-cluster', 'yes', '--cluster-announce-hostname', 'localhost'],
          ...['--cluster-preferred-endpoint-type', 'hostname'],
        ]
      : []),
    ...(settings.settings?.(nth) ?? []),
  ];
  return openOwnRedis(arguments_, tls ? { tls } : {});
}

type Ask = (node: OwnRedis, ...command: [string, ...string[]]) => Promise<unknown>;

/** Spreads the slots over the masters, lets all nodes meet, and waits until each of them says that the cluster works. */
async function join(nodes: readonly OwnRedis[], masters: number, ask: Ask): Promise<void> {
  const [first] = nodes;
  if (first === undefined) return;
  const busPort = async (node: OwnRedis) => {
    const [, port] = (await ask(node, 'CONFIG', 'GET', 'cluster-port')) as [string, string];
    return port;
  };
  for (const [nth, node] of nodes.entries()) {
    const [from, end] = [nth, nth + 1].map((at) => Math.round((SLOTS * at) / masters));
    if (nth < masters) await ask(node, 'CLUSTER', 'ADDSLOTSRANGE', String(from), String(Number(end) - 1));
    await ask(node, 'CLUSTER', 'SET-CONFIG-EPOCH', String(nth + 1));
  }
  for (const node of nodes.slice(1)) {
    await ask(node, 'CLUSTER', 'MEET', '127.0.0.1', String(first.port), await busPort(first));
  }
  await Promise.all(nodes.map((node) => until(async () => (await known(node, ask)) === nodes.length)));
  for (const [nth, node] of nodes.slice(masters).entries()) {
    const master = nodes[nth];
    if (master) await ask(node, 'CLUSTER', 'REPLICATE', String(await ask(master, 'CLUSTER', 'MYID')));
  }
  await Promise.all(
    nodes.map((node, nth) =>
      until(async () => {
        const isOk = String(await ask(node, 'CLUSTER', 'INFO')).includes('cluster_state:ok');
        const isLinked = String(await ask(node, 'INFO', 'replication')).includes('master_link_status:up');
        return isOk && (nth < masters || isLinked);
      }),
    ),
  );
}

async function known(node: OwnRedis, ask: Ask): Promise<number> {
  const text = String(await ask(node, 'CLUSTER', 'NODES'));
  return text.split('\n').filter((line) => line !== '' && !line.includes('handshake')).length;
}

/** Asks again at once; the test's own timeout bounds the wait. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo()));
}
