import type { Clock } from '../lib/clock.ts';
import type { CallCount, CallQuota, CallStanding } from '../queue/rate-limit-calls.ts';

/** How many callers are remembered at most; the one that was not heard of for longest is forgotten. */
const MAX_CALLERS = 10_000;

interface Calls {
  total: number;
  /** Calls of each second of the window that has any, the oldest first. */
  readonly bySecond: Map<number, number>;
}

/** Counts calls in this process's memory, by the rule of `makeSharedCalls`: a window that slides in steps of a second. */
export class RateLimitWindow {
  readonly #clock: Clock;
  readonly #callers = new Map<string, Calls>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  count(quotas: readonly CallQuota[], windowSeconds: number): CallCount {
    const now = Math.floor(this.#clock.monotonic() / 1_000);
    const held = quotas.map(({ caller, limit }) => ({ caller, limit, calls: this.#find(caller) }));
    for (const { calls } of held) forgetUntil(calls, now - windowSeconds);
    const allowed = held.every(({ calls, limit }) => calls.total < limit);
    if (allowed) for (const { caller, calls } of held) this.#add(caller, calls, now);
    return {
      allowed,
      standings: held.map(({ calls, limit }) => toStanding(calls, { limit, now, windowSeconds })),
    };
  }

  #find(caller: string): Calls {
    return this.#callers.get(caller) ?? { total: 0, bySecond: new Map() };
  }

  #add(caller: string, calls: Calls, now: number): void {
    calls.total += 1;
    calls.bySecond.set(now, (calls.bySecond.get(now) ?? 0) + 1);
    // Deleted first, so that the map's order is that of the latest calls.
    this.#callers.delete(caller);
    this.#callers.set(caller, calls);
    const [oldest] = this.#callers.keys();
    if (this.#callers.size > MAX_CALLERS && oldest !== undefined) this.#callers.delete(oldest);
  }
}

function forgetUntil(calls: Calls, second: number): void {
  for (const [at, count] of calls.bySecond) {
    if (at > second) return;
    calls.bySecond.delete(at);
    calls.total -= count;
  }
}

function toStanding(
  { total, bySecond }: Calls,
  { limit, now, windowSeconds }: Record<'limit' | 'now' | 'windowSeconds', number>,
): CallStanding {
  const [oldest = now] = bySecond.keys();
  return { remaining: Math.max(limit - total, 0), waitSeconds: oldest + windowSeconds - now };
}
