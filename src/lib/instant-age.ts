/**
 * How old stored instants are by a clock that may have been set. One a little ahead of now is due to clocks that differ; one
 * that is further ahead than the window it is judged by was written before the clock was set back, and says nothing.
 */

/** The latest instant that is taken for one of this clock; milliseconds since the epoch. */
export function latestCredibleMs(nowMs: number, windowMs: number): number {
  return nowMs + windowMs;
}

/** Milliseconds since the instant: 0 if it is a little ahead of now, Infinity if it is one that says nothing. */
export function ageMs(atMs: number, nowMs: number, windowMs: number): number {
  if (atMs > latestCredibleMs(nowMs, windowMs)) return Number.POSITIVE_INFINITY;
  return Math.max(0, nowMs - atMs);
}
