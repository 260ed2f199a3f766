/**
 * Events that the daemons share through one Redis stream, for a short time: each daemon follows it from its opening on and
 * reads every entry, its own as well, once and in the same order. A few values may be put beside it.
 *
 * Adding fails at once, or within a second, while Redis is away: whoever adds has another way then. Nothing is kept for later.
 */
import type { Cluster, Redis } from 'ioredis';
import { orAborted, waitMs, withDeadline } from '../lib/abort.ts';
import { AppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { OpenRedis } from './connection.ts';

/** Entries that the stream keeps, about: a few megabytes to some dozen. */
const MAX_ENTRIES = 10_000;
/**
 * How long it keeps one at most; milliseconds. Longer than anybody was away who may read back: a session lasts three minutes,
 * and for most of a minute before a connection may have been dead unnoticed.
 */
const KEPT_MS = 240_000;
/** Entries of one answer. */
const READ_COUNT = 500;
/** How long Redis waits for an entry before it answers that there is none; milliseconds. */
const BLOCK_MS = 2_000;
/** A connection that is silent for so long while an answer is due is made anew; milliseconds. */
const SILENCE_MS = BLOCK_MS + 3_000;
/** A Redis that has not answered after this is away; milliseconds. */
const ANSWER_MS = 1_000;
/** Answers that may be outstanding: a Redis that hangs must not let them pile up. */
const MAX_PENDING = 2_000;
/** The pause after a reading that failed; milliseconds. */
const RETRY_MS = 200;

export interface StreamEntry {
  /** `<milliseconds>-<number>`, growing. */
  readonly id: string;
  readonly text: string;
}

export interface EventStream extends AsyncDisposable {
  /** The id of the last entry that there was at the opening; those behind it are followed. */
  readonly start: string;
  /** Adds an entry and returns its id. It may be there although this rejects. @throws AppError UNAVAILABLE */
  add(text: string): Promise<string>;
  /**
   * Entries behind `after` up to `through`, both ids, in their order, but for those older than four minutes; undefined if
   * younger ones are not kept any more.
   */
  read(after: string, through: string): Promise<readonly StreamEntry[] | undefined>;
  /** Puts a value that is gone after so long. @throws AppError UNAVAILABLE */
  put(name: string, text: string, ttlMs: number): Promise<void>;
  /** A value that was put; undefined if there is none. @throws AppError UNAVAILABLE */
  find(name: string): Promise<string | undefined>;
  /** Calls the one follower with what was added, in order; it is waited for. From its call on nothing is missed. */
  follow(follower: (entries: readonly StreamEntry[]) => Promise<void>): void;
}

export interface EventStreamOptions {
  readonly redis: OpenRedis;
  /** Names the stream beside others under the prefix. */
  readonly name: string;
  readonly log: Logger;
}

/** Opens the stream with a connection of its own for reading. @throws what Redis answers if it cannot be read */
export async function openEventStream(options: EventStreamOptions): Promise<EventStream> {
  const { redis, name } = options;
  // One slot in a cluster: the prefix is a hash tag there.
  const key = `${redis.prefix}:${name}`;
  const start = await findLast(redis.client, key);
  return new RedisEventStream(options, key, start);
}

/** `$` of XREAD would be the end at each call, and lose what comes between two of them. */
async function findLast(client: Redis | Cluster, key: string): Promise<string> {
  const [last] = await client.xrevrange(key, '+', '-', 'COUNT', 1);
  // Ids are the times of the server: whatever comes is later than nothing.
  return last?.[0] ?? '0-0';
}

class RedisEventStream implements EventStream {
  readonly start: string;
  readonly #options: EventStreamOptions;
  readonly #key: string;
  readonly #reader: Redis | Cluster;
  readonly #closing = new AbortController();
  #following: Promise<void> = Promise.resolve();
  #at: string;
  #pending = 0;

  constructor(options: EventStreamOptions, key: string, start: string) {
    this.#options = options;
    this.#key = key;
    this.start = start;
    this.#at = start;
    this.#reader = openReader(options.redis.client);
    // Unheard it would end the process; the shared connection tells of the outage.
    this.#reader.on('error', (thrown) =>
      options.log.debug('The connection broke that follows events', { error: toError(thrown).message }),
    );
  }

  add(text: string): Promise<string> {
    return this.#ask(async (client) => {
      const id = await client.xadd(this.#key, 'MAXLEN', '~', MAX_ENTRIES, '*', 'text', text);
      void client.pexpire(this.#key, KEPT_MS).catch(() => undefined);
      void client.xtrim(this.#key, 'MINID', String(idToMs(String(id)) - KEPT_MS)).catch(() => undefined);
      return String(id);
    });
  }

  async read(after: string, through: string): Promise<readonly StreamEntry[] | undefined> {
    const entries: StreamEntry[] = [];
    for (let from = after; ; ) {
      const rows = await this.#ask((client) => client.xrange(this.#key, from, through, 'COUNT', READ_COUNT));
      const isThere = rows[0]?.[0] === from;
      if (!isThere && (from !== after || !(await this.#isOutlived(after)))) return undefined;
      entries.push(...rows.slice(isThere ? 1 : 0).map(toEntry));
      const last = rows.at(-1)?.[0];
      if (rows.length < READ_COUNT || last === undefined) return entries;
      from = last;
    }
  }

  async put(name: string, text: string, ttlMs: number): Promise<void> {
    await this.#ask((client) => client.set(`${this.#key}:${name}`, text, 'PX', ttlMs));
  }

  async find(name: string): Promise<string | undefined> {
    const value = await this.#ask((client) => client.get(`${this.#key}:${name}`));
    return value ?? undefined;
  }

  follow(follower: (entries: readonly StreamEntry[]) => Promise<void>): void {
    this.#following = this.#follow(follower, this.#closing.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('The event stream is closed.'));
    await this.#following;
    this.#reader.disconnect();
  }

  /** Never rejects; ends with the signal. */
  async #follow(
    follower: (entries: readonly StreamEntry[]) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      try {
        const reading = this.#reader.xread(
          'COUNT',
          READ_COUNT,
          'BLOCK',
          BLOCK_MS,
          'STREAMS',
          this.#key,
          this.#at,
        );
        const answer = await orAborted(reading, signal);
        const entries = (answer?.[0]?.[1] ?? []).map(toEntry);
        this.#at = entries.at(-1)?.id ?? this.#at;
        if (entries.length > 0) await follower(entries);
        else void this.#trim();
      } catch (thrown) {
        if (signal.aborted) return;
        this.#options.log.debug('Events could not be read and are read again', {
          error: toError(thrown).message,
        });
        await waitMs(RETRY_MS, signal).catch(() => undefined);
      }
    }
  }

  /** True if an entry that is not there may have gone of its age alone, and with it none that is younger. */
  async #isOutlived(id: string): Promise<boolean> {
    const [time, length] = await Promise.all([
      this.#ask((client) => client.time()),
      this.#ask((client) => client.xlen(this.#key)),
    ]);
    return length < MAX_ENTRIES && idToMs(id) < timeToMs(time) - KEPT_MS;
  }

  /** Removes what is too old, by the clock of Redis, which made the ids. Never rejects. */
  async #trim(): Promise<void> {
    try {
      const time = await this.#ask((client) => client.time());
      await this.#ask((client) => client.xtrim(this.#key, 'MINID', String(timeToMs(time) - KEPT_MS)));
    } catch (thrown) {
      this.#options.log.debug('Old events could not be removed', { error: toError(thrown).message });
    }
  }

  /** Asks Redis, unless it is away. An answer that comes after the deadline is nobody's. */
  async #ask<T>(work: (client: Redis | Cluster) => Promise<T>): Promise<T> {
    const { client } = this.#options.redis;
    if (client.status !== 'ready' || this.#pending >= MAX_PENDING) throw away();
    this.#pending += 1;
    const answer = work(client).finally(() => {
      this.#pending -= 1;
    });
    try {
      return await withDeadline(answer, ANSWER_MS, 'Redis');
    } catch (thrown) {
      throw away(thrown);
    }
  }
}

/** A connection for reading. One that goes silent is made anew, and asks again what it asked. */
function openReader(client: Redis | Cluster): Redis | Cluster {
  const options = { socketTimeout: SILENCE_MS };
  return client.isCluster
    ? (client as Cluster).duplicate([], { redisOptions: options })
    : (client as Redis).duplicate(options);
}

function toEntry([id, fields]: [string, string[]]): StreamEntry {
  return { id, text: fields[1] ?? '' };
}

function idToMs(id: string): number {
  return Number(id.split('-')[0]);
}

/** The answer of TIME: seconds, and microseconds. */
function timeToMs([seconds]: readonly (string | number)[]): number {
  return Number(seconds) * 1_000;
}

function away(cause?: unknown): AppError {
  return new AppError('UNAVAILABLE', { message: 'Redis does not answer.', cause });
}
