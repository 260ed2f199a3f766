import type { ChatGlimpse } from '../channels/channel.ts';
import type { CatchUpStart, ChatWatermark } from '../db/catch-up-store.ts';

const HOUR_MS = 3_600_000;

/**
 * How far back a chat is read even where all is known: for so long messages come late, and are acknowledged, edited,
 * revoked and reacted to while nobody listens.
 */
const REACH_MS = 48 * HOUR_MS;

/** A chat that is read is read back for at least so many messages, however long ago they were: some come later than that. */
const REACH_MESSAGES = 200;

/** Clocks differ, and WhatsApp dates a message before it reaches us: what is so little newer may be news. */
const SKEW_MS = HOUR_MS;

/** How often a connected account's instant is moved forward, and the longest pause after a run that had gaps. */
export const ADVANCE_EVERY_MS = 600_000;

const FIRST_PAUSE_MS = 30_000;

/** So many runs in a row that could not read everything hold back what is told live; further ones would not end soon either. */
const MAX_HELD_RUNS = 3;

/** How far back a chat is read. All times are milliseconds since the epoch. */
export interface ReadBackWindow {
  /** Everything from here on. */
  readonly floor: number;
  /** At least so many messages, but none from before `bottom`, which is no later than `floor`. */
  readonly atLeast: number;
  /** What is older than the link is history that the account was not ours for. */
  readonly bottom: number;
}

/**
 * How far a chat has to be read back; undefined if it need not be.
 *
 * It is read if it has a message from after its watermark, or one of the last 48 hours, which may have changed; if its
 * newest message does not look as it did at the watermark; and if the page does not say when that was. Every other chat
 * rests, so that a run costs 200 messages for each chat that was alive in the last two days (five pages, of which the
 * database is asked once each: some milliseconds), not for each that there is. What is missed by that belongs to a chat
 * that is silent for two days and looks as it did: a change of a message that others followed, and a message of our own
 * that came later than they did.
 *
 * A watermark in the future was set by a clock that was set back since, which says nothing. A link in the future was dated by
 * one: it is as old as what is known at least.
 */
export function readBackWindow(
  chat: Pick<ChatGlimpse, 'lastMessageAt' | 'mark'>,
  { caughtUpTo, firstLinkedAt }: CatchUpStart,
  watermark: ChatWatermark | undefined,
  nowMs: number,
): ReadBackWindow | undefined {
  const known = [caughtUpTo, watermark?.at ?? null].filter((at) => at !== null && at <= nowMs);
  const upTo = known.length === 0 ? null : Math.max(...known.map(Number));
  const isDated = firstLinkedAt !== null && firstLinkedAt <= nowMs;
  const bottom = (isDated ? firstLinkedAt : (upTo ?? nowMs)) - REACH_MS;
  const lastMessageAt = chat.lastMessageAt === 0 ? nowMs : chat.lastMessageAt;
  if (upTo === null) return lastMessageAt < bottom ? undefined : { floor: bottom, atLeast: 0, bottom };
  const floor = Math.max(bottom, Math.min(upTo - SKEW_MS, nowMs - REACH_MS));
  const isChanged = watermark !== undefined && watermark.mark !== chat.mark;
  if (lastMessageAt < floor && !isChanged) return undefined;
  return { floor, atLeast: REACH_MESSAGES, bottom };
}

/** The pause before the page is read again after `incomplete` runs in a row that could not read all; milliseconds. */
export function pauseAfterRunMs(incomplete: number): number {
  if (incomplete === 0) return ADVANCE_EVERY_MS;
  return Math.min(ADVANCE_EVERY_MS, FIRST_PAUSE_MS * 2 ** Math.min(incomplete - 1, 10));
}

/** What a run leaves behind. */
export interface RunEnd {
  /** Runs in a row that could not read everything, this one included. */
  readonly incomplete: number;
  /** The page is read again at once. */
  readonly isReadAgain: boolean;
  /** The database is away: nothing can be stored anyway. */
  readonly isAway: boolean;
}

/** Whether what is told live still waits after a run, so that what was missed comes before it. */
export function isHeldAfterRun({ incomplete, isReadAgain, isAway }: RunEnd): boolean {
  return isAway || (isReadAgain && incomplete < MAX_HELD_RUNS);
}
