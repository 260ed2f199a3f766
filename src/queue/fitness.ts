import type { Cluster, Redis } from 'ioredis';
import { AppError } from '../lib/errors.ts';

/** The oldest Redis whose commands the queues use. */
const OLDEST = { major: 6, minor: 2 } as const;

/** What is known of servers that can be relied on. */
export interface Fitness {
  /** Each master writes down what it takes before it says so; one that does not loses it when it crashes. */
  readonly isAppending: boolean;
}

/**
 * Asks every master whether it can be relied on: new enough, and never dropping keys to make room. Waits for a server that
 * does not take commands for this key, which is any of ours.
 * @throws AppError REDIS_UNFIT
 */
export async function checkFitness(client: Redis | Cluster, key: string): Promise<Fitness> {
  // A cluster knows its nodes only once it has answered; one that takes nothing still answers to all that names no key.
  await client.exists(key);
  const nodes = client.isCluster ? (client as Cluster).nodes('master') : [client as Redis];
  let isAppending = true;
  for (const node of nodes) {
    const info = parseInfo(await node.info());
    const problem = findUnfitness(info, client.isCluster);
    if (problem !== undefined) throw new AppError('REDIS_UNFIT', { message: problem });
    isAppending &&= keepsAppendOnlyFile(info);
  }
  return { isAppending };
}

/** What is wrong with a server that says this of itself, and the remedy; undefined if nothing is. */
export function findUnfitness(info: ReadonlyMap<string, string>, asCluster: boolean): string | undefined {
  const version = info.get('redis_version') ?? '0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor)) {
    return `The Redis at REDIS_URL is version ${version}; use ${OLDEST.major}.${OLDEST.minor} or newer, or Valkey.`;
  }
  const policy = info.get('maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction') {
    return (
      `The Redis at REDIS_URL has the maxmemory-policy ${policy} and could drop messages that wait. ` +
      'Set maxmemory-policy to noeviction, or name another Redis.'
    );
  }
  if (info.get('redis_mode') === 'cluster' && !asCluster) {
    return 'REDIS_URL names one node of a cluster. Name several of its nodes, separated by commas.';
  }
  return undefined;
}

/** Whether the server keeps an append-only file; one that does not tell counts as doing so. */
export function keepsAppendOnlyFile(info: ReadonlyMap<string, string>): boolean {
  return info.get('aof_enabled') !== '0';
}

/** The answer of INFO as its fields. */
export function parseInfo(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}
