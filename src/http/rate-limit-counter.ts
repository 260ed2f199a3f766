import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { CallCount, CallQuota, SharedCalls } from '../queue/rate-limit-calls.ts';
import { RateLimitWindow } from './rate-limit-window.ts';

/** How long one request waits for Redis, in milliseconds; those after it do not wait until it answers again. */
const DEADLINE_MS = 100;

export interface RateLimitCounterDeps {
  readonly shared: SharedCalls;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Counts calls for all instances. `shared`: in Redis. `alone`: Redis is away or slow, this instance's memory counts, and
 * one ping is under way, whose answer leads back if it is in time. Counting never rejects.
 */
export class RateLimitCounter {
  readonly #deps: RateLimitCounterDeps;
  readonly #own: RateLimitWindow;
  #mode: 'shared' | 'alone' = 'shared';
  #isPinging = false;

  constructor(deps: RateLimitCounterDeps) {
    this.#deps = deps;
    this.#own = new RateLimitWindow(deps.clock);
  }

  async count(quotas: readonly CallQuota[], windowSeconds: number): Promise<CallCount> {
    const { shared } = this.#deps;
    if (this.#mode === 'shared' && !shared.isConnected()) this.#goAlone('There is no connection.');
    if (this.#mode === 'shared') {
      try {
        return await inTime(shared.count(quotas, windowSeconds));
      } catch (thrown) {
        this.#goAlone(toError(thrown).message);
      }
    }
    this.#lookForRedis();
    return this.#own.count(quotas, windowSeconds);
  }

  #goAlone(error: string): void {
    if (this.#mode === 'alone') return;
    this.#mode = 'alone';
    this.#deps.log.warn('Limits of the API are counted by this instance alone until Redis answers', {
      error,
    });
  }

  /** Asked for by each request while alone. A ping that had to wait is followed by another, which tells how Redis is now. */
  #lookForRedis(): void {
    if (this.#isPinging) return;
    this.#isPinging = true;
    const { log } = this.#deps;
    this.#waitForRedis().then(
      () => {
        this.#mode = 'shared';
        log.info('Limits of the API are counted for all instances again');
      },
      (thrown) => log.debug('Redis answers with an error', { error: toError(thrown).message }),
    );
  }

  /** Resolves once Redis answers in time. */
  async #waitForRedis(): Promise<void> {
    const { shared, clock } = this.#deps;
    try {
      for (let since = clock.monotonic(); ; since = clock.monotonic()) {
        await shared.ping();
        if (clock.monotonic() - since <= DEADLINE_MS) return;
      }
    } finally {
      this.#isPinging = false;
    }
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  // Once what has come in meanwhile was read: an event loop that stood still is no slow Redis.
  const timer = setTimeout(
    () => setImmediate(reject, new Error(`It did not answer within ${DEADLINE_MS} ms.`)),
    DEADLINE_MS,
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // An answer that comes after all is nobody's.
    work.catch(() => undefined);
    late.catch(() => undefined);
  }
}
