import type { ReasonCode } from '../../accounts/reason.ts';
import {
  OFFLINE_GRACE_MS,
  PROBE_INTERVAL_MS,
  QR_CODES_BEFORE_GIVING_UP,
  QR_REFRESH_MS,
  READY_DEADLINE_MS,
  START_DEADLINE_MS,
} from './session-timings.ts';

/** Where one life of a browser has come to. Each but `connected` and `awaiting_scan` has a deadline. */
export type Phase = 'starting' | 'awaiting_scan' | 'pairing' | 'syncing' | 'connected';

/** What is known of a life; instants in milliseconds of the monotonic clock. */
export interface LifeView {
  readonly phase: Phase;
  readonly phaseSince: number;
  /** When the QR that is shown came, and how many have come. */
  readonly qrAt: number;
  readonly qrCodes: number;
  /** Since when the page's socket is out of CONNECTED; null while it is in. */
  readonly offlineSince: number | null;
  readonly probedAt: number;
}

export type WatchStep =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'end'; readonly reason: ReasonCode }
  | { readonly do: 'refresh-qr' }
  | { readonly do: 'probe' };

function until(deadline: number, now: number, step: WatchStep): WatchStep {
  return now >= deadline ? step : { do: 'wait', ms: deadline - now };
}

/** What a life's watchdog does next, or how long it may sleep. */
export function nextWatchStep(view: LifeView, now: number): WatchStep {
  switch (view.phase) {
    case 'starting':
      return until(view.phaseSince + START_DEADLINE_MS, now, { do: 'end', reason: 'start_overdue' });
    case 'pairing':
    case 'syncing':
      return until(view.phaseSince + READY_DEADLINE_MS, now, { do: 'end', reason: 'start_overdue' });
    case 'awaiting_scan':
      if (view.qrCodes > QR_CODES_BEFORE_GIVING_UP) return { do: 'end', reason: 'qr_given_up' };
      return until(view.qrAt + QR_REFRESH_MS, now, { do: 'refresh-qr' });
    case 'connected':
      return connectedStep(view, now);
    default:
      return view.phase satisfies never;
  }
}

function connectedStep(view: LifeView, now: number): WatchStep {
  const probe = until(view.probedAt + PROBE_INTERVAL_MS, now, { do: 'probe' });
  if (view.offlineSince === null) return probe;
  const lost = until(view.offlineSince + OFFLINE_GRACE_MS, now, { do: 'end', reason: 'connection_lost' });
  if (lost.do !== 'wait' || probe.do !== 'wait') return lost.do === 'wait' ? probe : lost;
  return { do: 'wait', ms: Math.min(lost.ms, probe.ms) };
}

/** The phase after news of the socket. Only `ready` makes a life connected, only `lost` ends that. */
export function phaseOfSocket(
  current: Phase,
  meaning: 'connected' | 'pairing' | 'waiting' | 'unpaired',
): Phase {
  if (current === 'connected') return current;
  if (meaning === 'connected') return 'syncing';
  if (meaning === 'pairing') return 'pairing';
  return current;
}
