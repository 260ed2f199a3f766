import { ageMs } from '../lib/instant-age.ts';

/** The window of the per-minute limit, in milliseconds. */
export const RATE_WINDOW_MS = 60_000;

/**
 * How long the next message has to wait so that no window of a minute holds more than `perMinute` of them, in
 * milliseconds; 0 means now. `perMinute` 0 means no limit.
 *
 * `handedAt` are instants (ms since the epoch) at which messages were handed over, in any order; at least the latest
 * `perMinute` of them. Those ahead of `now` count as now, and not at all if they are ahead by more than the window: the
 * machine's clock was set back. So no wait is longer than the window, and all that one instant causes take two windows at most.
 */
export function rateDelayMs(handedAt: readonly number[], now: number, perMinute: number): number {
  if (perMinute <= 0) return 0;
  const ages = handedAt
    .map((at) => ageMs(at, now, RATE_WINDOW_MS))
    .filter((age) => age < RATE_WINDOW_MS)
    .sort((a, b) => a - b);
  const deciding = ages[perMinute - 1];
  return deciding === undefined ? 0 : RATE_WINDOW_MS - deciding;
}
