/**
 * How an endpoint that does not take what it is sent is spared, over all of its lanes:
 *
 *   closed    fewer than five failures in a row: whatever is due is sent;
 *   resting   nothing is sent until the pause is over; then one delivery alone tries whether the endpoint is back. Each that
 *             fails makes the next pause longer, and one that is taken closes the breaker;
 *   given up  nothing was taken for five days, in many tries: the webhook is disabled.
 *
 * So a dead endpoint costs one request a pause, however much waits for it.
 */

/** Failures in a row after which an endpoint rests. */
export const FAILURES_TO_REST = 5;
/** The first pause, which doubles with every failure that follows, and the longest. Milliseconds. */
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 300_000;

/** Standard Webhooks advises to disable endpoints that have failed for days; it names five. Milliseconds. */
export const GIVEN_UP_AFTER_MS = 5 * 86_400_000;
/** Where little happens five days may hold no more than a few tries, which say little. */
export const FAILURES_TO_GIVE_UP = 20;

/** What is known of an endpoint; instants in milliseconds since the epoch. */
export interface EndpointHealth {
  /** Failures in a row. */
  readonly failures: number;
  /** Of the first of them; null while there is none. */
  readonly failingSince: number | null;
  /** Until when it rests; null while it does not. Over, one try may be made. */
  readonly restsUntil: number | null;
}

export const HEALTHY: EndpointHealth = { failures: 0, failingSince: null, restsUntil: null };

/** How many deliveries may be under way now. */
export function lanesOpen({ restsUntil }: EndpointHealth, now: number, max: number): number {
  if (restsUntil === null) return max;
  return restsUntil <= now ? 1 : 0;
}

/** How a try has ended. A probe is the one that is made after a pause. */
export interface TryOutcome {
  readonly isTaken: boolean;
  readonly isProbe: boolean;
}

/** What becomes of the endpoint's health by the outcome of a try. */
export function afterTry(health: EndpointHealth, outcome: TryOutcome, now: number): EndpointHealth {
  if (outcome.isTaken) return HEALTHY;
  // What was under way when the pause began says nothing new.
  if (health.restsUntil !== null && !outcome.isProbe) return health;
  const failures = health.failures + 1;
  const failingSince = health.failingSince ?? now;
  if (failures < FAILURES_TO_REST) return { failures, failingSince, restsUntil: null };
  const doublings = Math.min(failures - FAILURES_TO_REST, 16);
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** doublings, LONGEST_PAUSE_MS);
  return { failures, failingSince, restsUntil: now + pause };
}

/** Whether to disable the webhook. */
export function isGivenUp({ failures, failingSince }: EndpointHealth, now: number): boolean {
  return failingSince !== null && failures >= FAILURES_TO_GIVE_UP && now - failingSince >= GIVEN_UP_AFTER_MS;
}
