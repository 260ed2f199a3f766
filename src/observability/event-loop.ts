import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DEFAULT_TIMINGS } from '../config/session-timings.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';

const { eventLoopStallMs, eventLoopQuietMs, eventLoopLookMs, eventLoopResolutionMs } = DEFAULT_TIMINGS;

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
  const histogram = monitorEventLoopDelay({ resolution: eventLoopResolutionMs });
  histogram.enable();
  let mutedUntil = Number.NEGATIVE_INFINITY;
  const timer = setInterval(() => {
    const now = deps.clock.monotonic();
    if (now < mutedUntil || histogram.max < eventLoopStallMs * NS_PER_MS) return;
    mutedUntil = now + eventLoopQuietMs;
    deps.log.warn('The event loop stood still', summarise(histogram));
    histogram.reset();
  }, eventLoopLookMs);
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
