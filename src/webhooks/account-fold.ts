/**
 * What the raw states of an account come to for those who are told of it by webhooks: connected, reconnecting, needs a human,
 * disconnected. Trouble is told once it has lasted (see announce-rule.ts), so that a line that drops for a second, or a daemon
 * that is started anew within seconds, is no incident. Everything follows from the instants at which states were entered, and
 * not from when they are looked at.
 */
import type { SessionChange } from '../accounts/account.ts';
import { type AnnounceView, afterChange, afterGrace } from '../accounts/announce-rule.ts';
import type { SessionState } from '../accounts/state.ts';

export type ToldState = 'connected' | 'reconnecting' | 'needs_human' | 'disconnected';

/** A state to be told, and since when it is so (milliseconds since the epoch). */
export interface ToldChange extends SessionChange {
  readonly state: ToldState;
  readonly at: number;
}

/** The view from now on, and what is to be told, in order. */
export interface FoldStep {
  readonly view: AnnounceView;
  readonly told: readonly ToldChange[];
}

/** What a state that was entered at an instant comes to. `held.dueAt` is in milliseconds since the epoch here. */
export function foldState(
  view: AnnounceView,
  change: SessionChange,
  { at, graceMs }: { readonly at: number; readonly graceMs: number },
): FoldStep {
  const before = foldGrace(view, at);
  const state = toToldState(change.state, before.view.announced?.state);
  if (state === undefined) return before;
  const { reason } = change;
  const step = afterChange(before.view, { state, reason }, { now: at, graceMs });
  const told = step.announce === null ? [] : [{ state, reason, at }];
  return { view: step.view, told: [...before.told, ...told] };
}

/** What there is to tell once time has passed. */
export function foldGrace(view: AnnounceView, now: number): FoldStep {
  const step = afterGrace(view, now);
  if (step.announce === null) return { view: step.view, told: [] };
  const { state, reason } = step.announce;
  return { view: step.view, told: [{ state: state as ToldState, reason, at: view.held?.dueAt ?? now }] };
}

/** How things are for whoever has not followed them: what the state entered last comes to. */
export function stateToView(state: SessionState | null): AnnounceView {
  // A session that is being brought back was connected, for all that is known.
  const told = state === null ? undefined : toToldState(state, 'connected');
  return { announced: told === undefined ? null : { state: told, reason: null }, held: null };
}

/** Undefined for what is not told. */
function toToldState(state: SessionState, known: SessionState | undefined): ToldState | undefined {
  switch (state) {
    case 'connected':
    case 'needs_human':
    case 'disconnected':
      return state;
    case 'reconnecting':
    case 'starting':
    case 'syncing':
      // Of an account that users know to be connected it is the way back; else it is being linked.
      return known === 'connected' || known === 'reconnecting' ? 'reconnecting' : undefined;
    case 'registered':
    case 'awaiting_scan':
    case 'pairing':
    case 'closing':
      return undefined;
    default:
      return state satisfies never;
  }
}
