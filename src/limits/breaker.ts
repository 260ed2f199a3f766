/**
 * The breaker of an account: it opens when WhatsApp refuses messages to strangers, or when few of what was sent arrives,
 * and messages to strangers rest. After a while one of them is tried: if WhatsApp takes it the breaker closes, else it
 * stays open for as long again.
 */

/** Refusals within an hour that open it; one is enough if it is WhatsApp's lock for new chats. */
const REFUSALS = 3;
/** It opens below this share of delivered messages, if there are enough of them to tell. */
const DELIVERED_SHARE = 0.5;
const DELIVERY_SAMPLE = 20;
/** How long it stays open before a try, in milliseconds. */
export const COOL_DOWN_MS = 6 * 3_600_000;
/** How soon the outcome of a try is looked at again, in milliseconds. */
const TRIAL_LOOK_MS = 60_000;

/** Why it opened. */
export type BreakerCause = 'locked' | 'refused' | 'undelivered';

/**
 * Instants are milliseconds since the epoch. A breaker that has closed keeps when it had opened; that of an account which got
 * another number, when it got it.
 */
export interface Breaker {
  readonly state: 'closed' | 'open';
  readonly openedAt: number | null;
  readonly openedBy: BreakerCause | null;
}

/** What became of messages that were handed over after the breaker last opened. */
export interface BreakerFacts {
  /** To strangers, within the last hour: those that WhatsApp refused, and of these those that met its lock. */
  readonly refused: number;
  readonly locked: number;
  /** Outside answers, one to 24 hours ago: all that WhatsApp took, and those that arrived. */
  readonly taken: number;
  readonly delivered: number;
  /** To strangers since the cool-down ended: what came of the try. */
  readonly trial: 'none' | 'waits' | 'taken' | 'refused';
}

export interface BreakerStep {
  readonly breaker: Breaker;
  /** Until when messages to strangers rest; null if they may leave. */
  readonly restUntil: number | null;
}

/** The breaker as it is from now on. One that opened ahead of now, before the clock was set back, has opened now. */
export function breakerStep(breaker: Breaker, facts: BreakerFacts, now: number): BreakerStep {
  const { state, openedAt, openedBy } = breaker;
  if (state === 'closed' || openedAt === null) {
    const cause = factsToCause(facts);
    return cause === null ? { breaker, restUntil: null } : open(cause, now);
  }
  if (openedAt > now) return open(openedBy, now);
  const trialAt = openedAt + COOL_DOWN_MS;
  if (now < trialAt) return { breaker, restUntil: trialAt };
  switch (facts.trial) {
    case 'none':
      return { breaker, restUntil: null };
    case 'waits':
      return { breaker, restUntil: now + TRIAL_LOOK_MS };
    case 'refused':
      return open('refused', now);
    case 'taken':
      return { breaker: { ...breaker, state: 'closed' }, restUntil: null };
    default:
      return facts.trial satisfies never;
  }
}

function open(openedBy: BreakerCause | null, now: number): BreakerStep {
  return { breaker: { state: 'open', openedAt: now, openedBy }, restUntil: now + COOL_DOWN_MS };
}

function factsToCause({ refused, locked, taken, delivered }: BreakerFacts): BreakerCause | null {
  if (locked > 0) return 'locked';
  if (refused >= REFUSALS) return 'refused';
  return taken >= DELIVERY_SAMPLE && delivered < taken * DELIVERED_SHARE ? 'undelivered' : null;
}
