import type { Cluster, Redis } from 'ioredis';
import type { OpenRedis } from './connection.ts';

/** A limit that a call counts against: so many calls of this caller in any window. */
export interface CallQuota {
  readonly caller: string;
  readonly limit: number;
}

/** How a caller stands after a call. */
export interface CallStanding {
  readonly remaining: number;
  /** Until calls that were counted leave the window, and as many are allowed again. */
  readonly waitSeconds: number;
}

/** What became of a call: it is counted against each of its quotas, or, where one is used up, against none. */
export interface CallCount {
  readonly allowed: boolean;
  /** In the order of the quotas; of a call that is not allowed, those with nothing remaining refuse it. */
  readonly standings: readonly CallStanding[];
}

/** Calls counted for all instances that share a Redis. */
export interface SharedCalls {
  /** False while there is no connection; a count would wait for it. */
  isConnected(): boolean;
  /** Counts one call, in one atomic step. It rejects with Redis's error, and waits for as long as Redis does. */
  count(quotas: readonly CallQuota[], windowSeconds: number): Promise<CallCount>;
  /** Resolves when Redis answers, however long that takes. */
  ping(): Promise<void>;
}

/**
 * A window that slides in steps of a second: a hash a caller holds the calls of each second of it, their `total` and the
 * `oldest` second. Redis's own clock tells the time, so that instances whose clocks differ count alike. Seconds that have
 * left are taken off one by one, each once, so a call costs a handful of look-ups however many calls the window holds.
 */
const SCRIPT = `
local now = tonumber(redis.call('TIME')[1])
local window = tonumber(ARGV[1])
local allowed, states = 1, {}
for i, key in ipairs(KEYS) do
  local held = redis.call('HMGET', key, 'total', 'oldest')
  local total, oldest = tonumber(held[1] or 0), tonumber(held[2] or now)
  local before = oldest
  if total == 0 or oldest > now then oldest = now end
  while oldest <= now - window do
    local count = redis.call('HGET', key, oldest)
    if count then
      total = total - tonumber(count)
      redis.call('HDEL', key, oldest)
    end
    oldest = oldest + 1
  end
  while oldest < now and redis.call('HEXISTS', key, oldest) == 0 do oldest = oldest + 1 end
  if held[1] and oldest ~= before then redis.call('HSET', key, 'total', total, 'oldest', oldest) end
  if total >= tonumber(ARGV[i + 1]) then allowed = 0 end
  states[i] = { total, oldest }
end
local answer = { allowed }
for i, key in ipairs(KEYS) do
  local total, oldest = states[i][1], states[i][2]
  if allowed == 1 then
    total = total + 1
    redis.call('HINCRBY', key, now, 1)
    redis.call('HSET', key, 'total', total, 'oldest', oldest)
    redis.call('EXPIRE', key, window + 1)
  end
  answer[#answer + 1] = math.max(tonumber(ARGV[i + 1]) - total, 0)
  answer[#answer + 1] = oldest + window - now
end
return answer
`;

const COMMAND = 'switchboardCountCall';

type Counting = Readonly<
  Record<typeof COMMAND, (keyCount: number, ...rest: (string | number)[]) => Promise<number[]>>
>;

/** Counts in this Redis, under its prefix. What is counted is gone a second after it has left its window. */
export function makeSharedCalls({ client, prefix }: Pick<OpenRedis, 'client' | 'prefix'>): SharedCalls {
  const counting = withCommand(client);
  return {
    isConnected: () => client.status === 'ready',
    async count(quotas, windowSeconds) {
      const keys = quotas.map(({ caller }) => `${prefix}:calls:${caller}`);
      const limits = quotas.map(({ limit }) => limit);
      return parseAnswer(await counting[COMMAND](keys.length, ...keys, windowSeconds, ...limits));
    },
    async ping() {
      // In a cluster the node has to answer that holds the keys.
      await client.exists(prefix);
    },
  };
}

function withCommand(client: Redis | Cluster): Counting {
  client.defineCommand(COMMAND, { lua: SCRIPT });
  return client as unknown as Counting;
}

function parseAnswer([allowed, ...numbers]: readonly number[]): CallCount {
  const standings: CallStanding[] = [];
  for (let at = 0; at + 1 < numbers.length; at += 2) {
    standings.push({ remaining: numbers[at] ?? 0, waitSeconds: numbers[at + 1] ?? 0 });
  }
  return { allowed: allowed === 1, standings };
}
