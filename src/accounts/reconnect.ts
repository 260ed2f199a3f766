import { backoffDelayMs } from '../lib/backoff.ts';
import type { RetryPolicy } from './reason.ts';

/** Failures in a row, without a connection between them, from which the account is in trouble and probed slowly. */
export const TROUBLE_AFTER_FAILURES = 5;

/** How the bringing back of a session stands. */
export interface ReconnectView {
  /** Number of the coming (or running) attempt; 0 if there is none. It sets the pause. */
  readonly attempt: number;
  /** Lives in a row that ended without having been connected. */
  readonly failures: number;
}

export const NO_ATTEMPT: ReconnectView = { attempt: 0, failures: 0 };

/** How a life of a browser ended; `connectedMs` is how long it was connected, null if it never was. */
export interface Fall {
  readonly retry: Exclude<RetryPolicy, 'never'>;
  readonly connectedMs: number | null;
}

/**
 * What follows a fall: after a stable connection attempts start again at 1; after a short one the step is kept, and no
 * failure counted; after none both grow. A recycling counts for nothing.
 */
export function afterFall(view: ReconnectView, fall: Fall, stableAfterMs: number): ReconnectView {
  if (fall.retry === 'at-once') return { attempt: 1, failures: view.failures };
  if (fall.connectedMs === null) return { attempt: view.attempt + 1, failures: view.failures + 1 };
  const attempt = fall.connectedMs >= stableAfterMs ? 1 : Math.max(1, view.attempt);
  return { attempt, failures: 0 };
}

/** The pause before the coming attempt, in milliseconds, counted from the fall. */
export function pauseBeforeMs(view: ReconnectView): number {
  return backoffDelayMs(view.attempt);
}

/** True from the failure on that puts the account in trouble: Critical, an alert, and probed slowly from then on. */
export function isInTrouble(view: Pick<ReconnectView, 'failures'>): boolean {
  return view.failures >= TROUBLE_AFTER_FAILURES;
}
