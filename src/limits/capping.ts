/** How far the chats that were started in a cycle use its allowance up. */
export const CAPPING_STATUSES = ['NONE', 'FIRST_WARNING', 'SECOND_WARNING', 'CAPPED'] as const;

/** What WhatsApp tells an account of its limits for writing to people who never wrote. Instants are ms since the epoch. */
export interface Capping {
  readonly status: (typeof CAPPING_STATUSES)[number];
  /** When the cycle ends; null if that is not told. */
  readonly cycleEndsAt: number | null;
  /** Until when nobody new may be written to; null if nothing is locked. */
  readonly timelockedUntil: number | null;
}

/** What is assumed where the page tells nothing. */
export const UNLIMITED: Capping = { status: 'NONE', cycleEndsAt: null, timelockedUntil: null };

/** For so long messages to strangers rest where WhatsApp does not tell until when, in milliseconds. */
export const UNTOLD_REST_MS = 3_600_000;

/** WhatsApp's error for a message to a stranger while the account may not write to any. */
export const REACH_OUT_LOCKED = '463';

/** Until when messages to people who never wrote rest, by what WhatsApp told at the instant `readAt`; null: they do not. */
export function cappingToRest(capping: Capping, readAt: number): number | null {
  const { status, cycleEndsAt, timelockedUntil } = capping;
  const ends = [timelockedUntil, status === 'CAPPED' ? (cycleEndsAt ?? readAt + UNTOLD_REST_MS) : null];
  const rest = Math.max(...ends.map((end) => end ?? Number.NEGATIVE_INFINITY));
  return rest > readAt ? rest : null;
}
