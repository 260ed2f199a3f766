import type { CatchUpStart } from '../db/catch-up-store.ts';

const HOUR_MS = 3_600_000;

/** Read back beyond what is known: clocks differ, and WhatsApp dates a message before it reaches us. */
const OVERLAP_MS = HOUR_MS;

/** How far back the first catch-up of an account goes, from the moment it was linked. */
const FIRST_REACH_MS = 48 * HOUR_MS;

/** How often a connected account's instant is moved forward, and the longest pause after a run that had gaps. */
export const ADVANCE_EVERY_MS = 600_000;

const FIRST_PAUSE_MS = 30_000;

/** The instant from which on the page is read back; all times are milliseconds since the epoch. */
export function catchUpFloor(start: CatchUpStart, nowMs: number): number {
  if (start.caughtUpTo !== null) return start.caughtUpTo - OVERLAP_MS;
  return Math.min(start.firstLinkedAt ?? nowMs, nowMs) - FIRST_REACH_MS;
}

/** The pause before the page is read again after `incomplete` runs in a row that could not read all; milliseconds. */
export function pauseAfterRunMs(incomplete: number): number {
  if (incomplete === 0) return ADVANCE_EVERY_MS;
  return Math.min(ADVANCE_EVERY_MS, FIRST_PAUSE_MS * 2 ** Math.min(incomplete - 1, 10));
}
