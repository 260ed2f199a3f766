import { DEFAULT_TIMINGS } from '../config/session-timings.ts';
import { backoffDelayMs } from '../lib/backoff.ts';
import type { RetryPolicy } from './reason.ts';

const { troubleAfterFailures, flappingAfterFalls } = DEFAULT_TIMINGS;

/** How the bringing back of a session stands. */
export interface ReconnectView {
  /** Number of the coming (or running) attempt; 0 if there is none. It sets the pause. */
  readonly attempt: number;
  /** Lives in a row that ended without having been connected. */
  readonly failures: number;
  /** Falls in a row, each soon after a connection: none of these has lasted. */
  readonly shortFalls: number;
}

export const NO_ATTEMPT: ReconnectView = { attempt: 0, failures: 0, shortFalls: 0 };

/** `awaited`: nothing failed, what is missing is on its way. */
export type Retry = Exclude<RetryPolicy, 'never'> | 'awaited';

/** The attempt whose pause, 2 seconds, is the longest between two looks at what is awaited. */
const AWAITED_ATTEMPT = 3;

/** How a life of a browser ended; `connectedMs` is how long it was connected on end, null if it never was. */
export interface Fall {
  readonly retry: Retry;
  readonly connectedMs: number | null;
}

/**
 * What follows a fall. After a stable connection attempts start again at 1. After a short one the step is kept, and no
 * failure counted. After none both grow. A recycling counts for nothing; what is awaited is no failure, and looked for steadily.
 */
export function afterFall(view: ReconnectView, fall: Fall, stableAfterMs: number): ReconnectView {
  const { retry, connectedMs } = fall;
  const step = Math.max(1, view.attempt);
  if (connectedMs !== null && connectedMs >= stableAfterMs) return { ...NO_ATTEMPT, attempt: 1 };
  if (retry === 'at-once') return { ...view, attempt: step, failures: 0 };
  if (retry === 'awaited') return { ...view, attempt: Math.min(view.attempt + 1, AWAITED_ATTEMPT) };
  if (connectedMs === null) return { ...view, attempt: view.attempt + 1, failures: view.failures + 1 };
  return { attempt: step, failures: 0, shortFalls: view.shortFalls + 1 };
}

/** The pause before the coming attempt, in milliseconds, counted from the fall. */
export function pauseBeforeMs(view: Pick<ReconnectView, 'attempt'>, retry: Retry): number {
  return retry === 'at-once' ? 0 : backoffDelayMs(view.attempt);
}

/** True from the failure on that puts the account in trouble: Critical, an alert, and probed slowly from then on. */
export function isInTrouble(view: Pick<ReconnectView, 'failures'>): boolean {
  return view.failures >= troubleAfterFailures;
}

/** True from the fall on that somebody should hear of, though each of them is mended before it is announced. */
export function isFlapping(view: Pick<ReconnectView, 'shortFalls'>): boolean {
  return view.shortFalls >= flappingAfterFalls;
}
