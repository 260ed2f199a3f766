import type { ReasonCode } from '../../accounts/reason.ts';
import type { SessionTimings } from '../../config/session-timings.ts';

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
  /** Since when the page of a linked account says that it is not paired; null while it does not. */
  readonly unlinkedSince: number | null;
  /** When the page was last asked something: whether it lives, or whether it is ready by now. */
  readonly probedAt: number;
}

export type WatchStep =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'end'; readonly reason: ReasonCode }
  | { readonly do: 'refresh-qr' }
  | { readonly do: 'check-level' }
  | { readonly do: 'probe' };

function until(deadline: number, now: number, step: WatchStep): WatchStep {
  return now >= deadline ? step : { do: 'wait', ms: deadline - now };
}

/** What a life's watchdog does next, or how long it may sleep. */
export function nextWatchStep(view: LifeView, now: number, timings: SessionTimings): WatchStep {
  const overdue = { do: 'end', reason: 'start_overdue' } as const;
  switch (view.phase) {
    case 'starting':
      return startingStep(view, now, timings);
    case 'pairing':
      return until(view.phaseSince + timings.readyDeadlineMs, now, overdue);
    case 'syncing':
      return sooner(
        until(view.phaseSince + timings.readyDeadlineMs, now, overdue),
        until(view.probedAt + timings.levelCheckMs, now, { do: 'check-level' }),
      );
    case 'awaiting_scan':
      if (view.qrCodes > timings.qrCodesBeforeGivingUp) return { do: 'end', reason: 'qr_given_up' };
      return until(view.qrAt + timings.qrRefreshMs, now, { do: 'refresh-qr' });
    case 'connected':
      return connectedStep(view, now, timings);
    default:
      return view.phase satisfies never;
  }
}

function startingStep(view: LifeView, now: number, timings: SessionTimings): WatchStep {
  const overdue = { do: 'end', reason: 'start_overdue' } as const;
  const deadline = until(view.phaseSince + timings.startDeadlineMs, now, overdue);
  if (view.unlinkedSince === null) return deadline;
  const unlinked = { do: 'end', reason: 'logged_out' } as const;
  return sooner(until(view.unlinkedSince + timings.unpairedGraceMs, now, unlinked), deadline);
}

function connectedStep(view: LifeView, now: number, timings: SessionTimings): WatchStep {
  const probe = until(view.probedAt + timings.probeIntervalMs, now, { do: 'probe' });
  if (view.offlineSince === null) return probe;
  const lost = { do: 'end', reason: 'connection_lost' } as const;
  return sooner(until(view.offlineSince + timings.offlineGraceMs, now, lost), probe);
}

/** What is due of the two, the first before the second; else the shorter wait. */
function sooner(first: WatchStep, second: WatchStep): WatchStep {
  if (first.do !== 'wait') return first;
  if (second.do !== 'wait') return second;
  return first.ms <= second.ms ? first : second;
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
