/** How much a test does: the everyday counts, or the full ones of `npm run test:long`. */
export const isLongRun = process.env.SWITCHBOARD_TEST_LONG === '1';

/** Seed of everything random in chaos and fuzz tests; the same seed plays the same run. */
export const seed = Number(process.env.SWITCHBOARD_TEST_SEED ?? '1');

/** `everyday`, or `full` in a long run. */
export function scaled(everyday: number, full: number): number {
  return isLongRun ? full : everyday;
}
