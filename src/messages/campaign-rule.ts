/** What a campaign does next, as a pure function of what is there. */
import type { CampaignId } from '../accounts/ids.ts';

/**
 * Messages of an account's campaigns that may wait to be handed over: so many a single message finds before it, and so many
 * still leave after a pause.
 */
export const MAX_UNHANDED = 4;
/** After this the feeder looks again, whatever it heard: another daemon may have changed something. Milliseconds. */
export const LOOK_AGAIN_MS = 30_000;

export interface FeedView {
  /** The oldest running campaign of the account that has items to accept. */
  readonly campaignId: CampaignId | null;
  /** Messages of all campaigns of the account that wait to be handed over. */
  readonly unhanded: number;
  /** Until when the daily limit is used up, in milliseconds since the epoch; null if it is not. */
  readonly fullUntil: number | null;
  readonly now: number;
}

export type FeedStep =
  | { readonly kind: 'feed'; readonly campaignId: CampaignId; readonly count: number }
  /** Until something is heard, or for `ms` milliseconds. `isWaiting`: a hand-over lets it go on. */
  | { readonly kind: 'rest'; readonly ms: number; readonly isWaiting: boolean };

export function nextFeedStep({ campaignId, unhanded, fullUntil, now }: FeedView): FeedStep {
  if (campaignId === null) return { kind: 'rest', ms: LOOK_AGAIN_MS, isWaiting: false };
  if (fullUntil !== null && fullUntil > now)
    return { kind: 'rest', ms: Math.min(fullUntil - now, LOOK_AGAIN_MS), isWaiting: true };
  if (unhanded >= MAX_UNHANDED) return { kind: 'rest', ms: LOOK_AGAIN_MS, isWaiting: true };
  return { kind: 'feed', campaignId, count: MAX_UNHANDED - unhanded };
}
