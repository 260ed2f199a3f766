import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';

/** A stand-still of the event loop that is worth a line, in milliseconds: heavy load makes delays of a tenth of it. */
export const STALL_MS = 1_000;

/** Between two warnings at least, in milliseconds: a daemon that crawls must not fill its log as well. */
export const QUIET_MS = 60_000;

/** Between two looks, in milliseconds; what happens between them is measured all the same. */
const LOOK_EVERY_MS = 1_000;

/** How finely delays are measured, in milliseconds: fine enough for seconds, and fifty wake-ups a second cost nothing. */
const RESOLUTION_MS = 20;

const NS_PER_MS = 1e6;

export interface EventLoopWatchDeps {
  readonly log: Logger;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/**
 * Warns when the daemon's event loop stood still, and with it every session: at most once a minute, then with the
 * longest stand-still since the last warning. Disposing ends the watch.
 */
export function openEventLoopWatch(deps: EventLoopWatchDeps): Disposable {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let mutedUntil = Number.NEGATIVE_INFINITY;
  const timer = setInterval(() => {
    const now = deps.clock.monotonic();
    if (now < mutedUntil || histogram.max < STALL_MS * NS_PER_MS) return;
    mutedUntil = now + QUIET_MS;
    deps.log.warn('The event loop stood still', summarise(histogram));
    histogram.reset();
  }, LOOK_EVERY_MS);
  timer.unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      histogram.disable();
    },
  };
}

/** In milliseconds, since the last warning. */
function summarise(histogram: ReturnType<typeof monitorEventLoopDelay>): Record<string, number> {
  const toMs = (ns: number) => Math.round(ns / NS_PER_MS);
  return {
    longestMs: toMs(histogram.max),
    p99Ms: toMs(histogram.percentile(99)),
    meanMs: toMs(histogram.mean),
  };
}
