import type { SwitchboardError } from './switchboard-error.ts';

/** The most that is waited for one repetition, in milliseconds. A daily limit that asks for more is the caller's. */
const MAX_WAIT_MS = 30_000;

/** The wait before the first repetition where the answer names none; it doubles with each. Milliseconds. */
const FIRST_WAIT_MS = 500;

/**
 * How long to wait before a failed request is made again, in milliseconds; undefined if it must not be. `isRepeatable`:
 * done twice it is as good as done once. A request that was refused by 429 was not done at all.
 */
export function failureToWaitMs(
  { code, status, retryAfterMs }: Pick<SwitchboardError, 'code' | 'status' | 'retryAfterMs'>,
  { isRepeatable, repetition }: { readonly isRepeatable: boolean; readonly repetition: number },
): number | undefined {
  const backoffMs = FIRST_WAIT_MS * 2 ** repetition;
  const waitMs = status === 429 ? retryAfterMs : (retryAfterMs ?? backoffMs);
  if (waitMs === undefined || waitMs > MAX_WAIT_MS) return undefined;
  if (status === 429) return waitMs;
  if (!isRepeatable) return undefined;
  const isPassing =
    status === 503 || code === 'UNREACHABLE' || code === 'TIMEOUT' || code === 'IDEMPOTENCY_IN_PROGRESS';
  return isPassing ? waitMs : undefined;
}
