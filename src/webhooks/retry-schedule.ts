const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Pauses after the first, second … failed try; the last one is repeated. Milliseconds. */
const PAUSES_MS = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
  2 * HOUR_MS,
] as const;

/** For so long after its first try an event is tried, whatever the answers were. Milliseconds. */
export const TRIED_FOR_MS = 24 * HOUR_MS;

/** A pause is longer or shorter by up to this part of it, so that what failed together does not come back together. */
const JITTER = 0.1;

/** What was tried so far; instants in milliseconds since the epoch. */
export interface TriesSoFar {
  /** 1 or more. */
  readonly attempts: number;
  readonly firstTriedAt: number;
  readonly now: number;
}

/**
 * When to try again after a failed try; null if it was the last: the event becomes a dead letter. The last try is made once
 * 24 hours have passed since the first, however late that is. `random` is of [0, 1).
 */
export function nextTryAt({ attempts, firstTriedAt, now }: TriesSoFar, random: number): number | null {
  const endsAt = firstTriedAt + TRIED_FOR_MS;
  if (now >= endsAt) return null;
  const pause = PAUSES_MS[Math.min(attempts, PAUSES_MS.length) - 1] ?? PAUSES_MS[0];
  return Math.min(Math.round(now + pause * (1 - JITTER + 2 * JITTER * random)), endsAt);
}
