import type { CatchUpStart } from '../db/catch-up-store.ts';

const HOUR_MS = 3_600_000;

/** Read back beyond what is known: clocks differ, and WhatsApp dates a message before it reaches us. */
const OVERLAP_MS = HOUR_MS;

/** How far back it goes where nothing reliable is known: from the first link, or from now. */
const BLIND_REACH_MS = 48 * HOUR_MS;

/** How often a connected account's instant is moved forward, and the longest pause after a run that had gaps. */
export const ADVANCE_EVERY_MS = 600_000;

const FIRST_PAUSE_MS = 30_000;

/**
 * The instant from which on the page is read back; all times are milliseconds since the epoch. An account that is caught
 * up to the future was so by a clock that has been set back since, which says nothing.
 */
export function catchUpFloor({ caughtUpTo, firstLinkedAt }: CatchUpStart, nowMs: number): number {
  if (caughtUpTo === null) return Math.min(firstLinkedAt ?? nowMs, nowMs) - BLIND_REACH_MS;
  return caughtUpTo > nowMs ? nowMs - BLIND_REACH_MS : caughtUpTo - OVERLAP_MS;
}

/** The pause before the page is read again after `incomplete` runs in a row that could not read all; milliseconds. */
export function pauseAfterRunMs(incomplete: number): number {
  if (incomplete === 0) return ADVANCE_EVERY_MS;
  return Math.min(ADVANCE_EVERY_MS, FIRST_PAUSE_MS * 2 ** Math.min(incomplete - 1, 10));
}
