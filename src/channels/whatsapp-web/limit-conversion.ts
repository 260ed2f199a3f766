import { CAPPING_STATUSES, type Capping, UNTOLD_REST_MS } from '../../limits/capping.ts';
import type { PageLimits } from './page-limits.ts';

/** Instants of the page below it are in seconds, those above in milliseconds since the epoch. */
const SECONDS_BELOW = 1e11;

/** What the page tells of WhatsApp's limits at the instant `now`, in our words; undefined if it tells nothing. */
export function pageLimitsToCapping({ capping, timelock }: PageLimits, now: number): Capping | undefined {
  const status = CAPPING_STATUSES.find((each) => each === capping?.status);
  if (status === undefined && timelock === null) return undefined;
  return {
    status: status ?? 'NONE',
    cycleEndsAt: toMs(capping?.cycleEndsAt),
    timelockedUntil: timelock?.isLocked ? (toMs(timelock.endsAt) ?? now + UNTOLD_REST_MS) : null,
  };
}

function toMs(instant: number | null | undefined): number | null {
  if (instant === null || instant === undefined) return null;
  return instant < SECONDS_BELOW ? instant * 1_000 : instant;
}
