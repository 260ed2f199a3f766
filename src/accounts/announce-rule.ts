import type { SessionChange } from './account.ts';
import type { SessionState } from './state.ts';

/** What users know of an account's state, and what they do not know yet. */
export interface AnnounceView {
  /** What was last announced; null before the first time. */
  readonly announced: SessionChange | null;
  /** Trouble that may pass, and when (monotonic, in milliseconds) it has lasted long enough to be announced. */
  readonly held: { readonly change: SessionChange; readonly dueAt: number } | null;
}

/** The view from now on, and what is to be announced now, if anything. */
export interface AnnounceStep {
  readonly view: AnnounceView;
  readonly announce: SessionChange | null;
}

export const NOTHING_ANNOUNCED: AnnounceView = { announced: null, held: null };

/**
 * What to do about a change of state. Trouble that may pass is held for `graceMs` from its first sign; whatever else
 * comes is announced at once and takes the place of what was held. What users know already is not said again.
 */
export function afterChange(
  view: AnnounceView,
  change: SessionChange,
  { now, graceMs }: { readonly now: number; readonly graceMs: number },
): AnnounceStep {
  const { announced, held } = view;
  if (announced !== null && isSame(announced, change)) {
    return { view: { announced, held: null }, announce: null };
  }
  if (mayPass(announced?.state, change.state)) {
    return {
      view: { announced, held: { change, dueAt: held?.dueAt ?? now + graceMs } },
      announce: null,
    };
  }
  return { view: { announced: change, held: null }, announce: change };
}

/** What to do once time has passed: what is still held when it is due is announced. */
export function afterGrace(view: AnnounceView, now: number): AnnounceStep {
  const { held } = view;
  if (held === null || held.dueAt > now) return { view, announce: null };
  return { view: { announced: held.change, held: null }, announce: held.change };
}

/** A session on its way back may be there again before anybody need know that it was gone. */
function mayPass(known: SessionState | undefined, state: SessionState): boolean {
  if (state === 'reconnecting') return true;
  return state === 'syncing' && (known === 'connected' || known === 'reconnecting');
}

/** Reconnecting is one thing for users, however many attempts it takes and whatever each of them fails of. */
function isSame(a: SessionChange, b: SessionChange): boolean {
  return a.state === b.state && (a.state === 'reconnecting' || a.reason === b.reason);
}
