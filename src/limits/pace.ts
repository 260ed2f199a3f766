import type { PacingConfig } from '../config/config.ts';
import { ageMs } from '../lib/instant-age.ts';
import { type Breaker, type BreakerFacts, breakerStep } from './breaker.ts';
import { jitterMs, LONGEST_PAUSE_MS } from './jitter.ts';
import { LANES, type Lane } from './lane.ts';
import { warmUpLimit } from './warm-up.ts';

/** What is known of an account's last day; instants are milliseconds since the epoch. */
export interface PaceRecord {
  readonly firstLinkedAt: number | null;
  /** The first instant of its next local date. */
  readonly nextDayAt: number;
  readonly breaker: Breaker;
  readonly breakerFacts: BreakerFacts;
  /** Messages of the local date that were handed over outside the lane of answers. */
  readonly coldToday: number;
  readonly lastHandedAt: Readonly<Record<Lane, number | null>>;
}

/** What slows an account down at the instant `now`, as far as it is switched on; instants are ms since the epoch. */
export interface Pace {
  readonly now: number;
  /** Until when messages to strangers rest: WhatsApp's own capping, and the breaker. Null if they do not. */
  readonly strangersRestUntil: number | null;
  /** Null if the account is not warmed up. */
  readonly warmUp: {
    /** Messages of the local date outside the lane of answers, and how many those may be. */
    readonly handedToday: number;
    readonly limit: number;
    readonly nextDayAt: number;
  } | null;
  /** When each lane was last used; null if messages are not spread. */
  readonly lastHandedAt: Readonly<Record<Lane, number | null>> | null;
}

/** Everything switched off. */
export const NO_PACING: PacingConfig = { warmup: false, jitter: false, breaker: false };

/** Whether lanes have priorities and paces: with everything switched off messages leave in the order of acceptance. */
export function isPaced({ warmup, jitter, breaker }: PacingConfig): boolean {
  return warmup || jitter || breaker;
}

/** The pace that follows from what is known, and the breaker as it is from now on. */
export function recordToPace(
  record: PaceRecord,
  switches: PacingConfig,
  { cappedUntil, now }: { readonly cappedUntil: number | null; readonly now: number },
): { readonly pace: Pace; readonly breaker: Breaker } {
  const { firstLinkedAt, nextDayAt, coldToday, lastHandedAt, breakerFacts } = record;
  const { breaker, restUntil } = switches.breaker
    ? breakerStep(record.breaker, breakerFacts, now)
    : { breaker: record.breaker, restUntil: null };
  const rests = [cappedUntil, restUntil].filter((until) => until !== null);
  const pace = {
    now,
    strangersRestUntil: rests.length === 0 ? null : Math.max(...rests),
    warmUp: switches.warmup
      ? { handedToday: coldToday, limit: warmUpLimit(firstLinkedAt, now), nextDayAt }
      : null,
    lastHandedAt: switches.jitter ? lastHandedAt : null,
  };
  return { pace, breaker };
}

/** A message that is first in its lane. */
export interface Candidate {
  readonly id: string;
  readonly lane: Lane;
}

/** How long the message has to wait for its lane, in milliseconds; 0 means now. */
export function paceDelayMs({ id, lane }: Candidate, pace: Pace): number {
  const dues = [
    lane === 'stranger' ? pace.strangersRestUntil : null,
    warmUpDue(lane, pace),
    jitterDue(id, lane, pace),
  ];
  return Math.max(0, ...dues.map((due) => (due === null ? 0 : due - pace.now)));
}

/** Which of the first messages of each lane leaves now, or how long none does: lanes of higher priority go first. */
export function chooseCandidate<First extends Candidate>(
  candidates: readonly First[],
  pace: Pace,
): { readonly kind: 'send'; readonly message: First } | { readonly kind: 'wait'; readonly delayMs: number } {
  const ordered = [...candidates].sort((a, b) => LANES.indexOf(a.lane) - LANES.indexOf(b.lane));
  const delays = ordered.map((candidate) => paceDelayMs(candidate, pace));
  const index = delays.indexOf(0);
  const message = ordered[index];
  if (message !== undefined) return { kind: 'send', message };
  return { kind: 'wait', delayMs: Math.min(...delays) };
}

function warmUpDue(lane: Lane, { warmUp }: Pace): number | null {
  if (lane === 'reply' || warmUp === null || warmUp.handedToday < warmUp.limit) return null;
  return warmUp.nextDayAt;
}

/** An instant ahead of now counts as now, and as none if the clock was set back since. */
function jitterDue(id: string, lane: Lane, { lastHandedAt, now }: Pace): number | null {
  const last = lastHandedAt?.[lane] ?? null;
  return last === null ? null : now - ageMs(last, now, LONGEST_PAUSE_MS) + jitterMs(lane, id);
}
