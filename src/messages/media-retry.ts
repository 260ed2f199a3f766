/** How one try to fetch a message's media ended. */
export type FetchOutcome =
  /** The sender's phone uploads it again, or the page did not answer in time. */
  | 'later'
  /** The page had a fault; perhaps because its browser is just dying. */
  | 'fault'
  /** The bytes came and could not be stored. */
  | 'unstored';

/** Pauses before the first, second and third try, in milliseconds: a phone uploads again within minutes (fact A20). */
export const MEDIA_TRIES_MS: readonly number[] = [0, 30_000, 300_000];

/** A session tells of its end only some milliseconds after its calls fail; the verdict on a fault waits for it. */
const FAULT_GRACE_MS = 5_000;

export type NextTry =
  /** Try again after the pause. `tries` counts those that are over. */
  | { readonly kind: 'try'; readonly afterMs: number; readonly tries: number }
  /** Give it up after the pause, unless the session has ended by then. */
  | { readonly kind: 'give-up'; readonly afterMs: number };

/** What to do after a try that failed. `tries` counts those that were over before it. */
export function nextTry(outcome: FetchOutcome, tries: number, triesMs = MEDIA_TRIES_MS): NextTry {
  // The disk's trouble is not the media's: it is tried until the disk takes it.
  if (outcome === 'unstored') return { kind: 'try', afterMs: triesMs.at(-1) ?? 0, tries };
  const afterMs = triesMs[tries + 1];
  if (afterMs !== undefined) return { kind: 'try', afterMs, tries: tries + 1 };
  return { kind: 'give-up', afterMs: outcome === 'fault' ? FAULT_GRACE_MS : 0 };
}
