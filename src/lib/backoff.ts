/** The longest pause between two tries, in milliseconds. */
const MAX_DELAY_MS = 30_000;

/**
 * The pause before try `attempt` (1 is the first): 0, 1, 2, 4, 8, 16, 30, 30 … seconds, in milliseconds.
 * Users rely on this schedule.
 */
export function backoffDelayMs(attempt: number): number {
  if (attempt <= 1) return 0;
  return Math.min(MAX_DELAY_MS, 1_000 * 2 ** Math.min(attempt - 2, 10));
}
