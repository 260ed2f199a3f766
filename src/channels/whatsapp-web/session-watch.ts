import type { ReasonCode } from '../../accounts/reason.ts';
import type { SessionTimings } from '../../config/session-timings.ts';

/**
 * Where one life of a browser has come to. `passkey` waits for a person, `offline` is a connected page whose line has
 * been down for a while, `leaving` one that is being logged out by whoever stops it; each other but `connected` has a
 * deadline.
 */
export type Phase =
  | 'starting'
  | 'awaiting_scan'
  | 'passkey'
  | 'pairing'
  | 'syncing'
  | 'connected'
  | 'offline'
  | 'leaving';

/** How far the page has come: nothing has answered, there is a document, WhatsApp's code runs in it. */
export type PageProgress = 'awaited' | 'loaded' | 'running';

/** What a start is overdue for. */
const OVERDUE = {
  awaited: 'page_unreachable',
  loaded: 'launch_failed',
  running: 'start_overdue',
} as const satisfies Record<PageProgress, ReasonCode>;

/** What is known of a life; instants in milliseconds of the monotonic clock. */
export interface LifeView {
  readonly phase: Phase;
  readonly phaseSince: number;
  readonly page: PageProgress;
  /** What kind of code is shown, when it came, and how many have come since somebody began to link the account. */
  readonly codeKind: 'qr' | 'code';
  readonly codeAt: number;
  readonly codes: number;
  /** When a code was last asked for, or came. */
  readonly codeAskedAt: number;
  /** Since when the page's socket is out of CONNECTED; null while it is in. */
  readonly offlineSince: number | null;
  /** Since when the page of a linked account says that it is not paired; null while it does not. */
  readonly unlinkedSince: number | null;
  /** Since when a phone is to be linked, over all lives; null once one is. */
  readonly linkingSince: number | null;
  /** A phone has answered a code in this life, whatever came of it. */
  readonly answered: boolean;
  /** When the page last answered whether it lives, or is ready by now; null while it is being asked. */
  readonly askedAt: number | null;
  /** When the memory of the browser was last read, in bytes; null while it is being read. */
  readonly measuredAt: number | null;
  readonly memoryBytes: number;
  /** What the browser took once it had been connected for a while; null before. */
  readonly settledBytes: number | null;
  /** When a snapshot of the profile was last sealed; null while one is being sealed. */
  readonly sealedAt: number | null;
  /** When it was last asked whether a copy of the profile is due; null while that is asked and done. */
  readonly copyAskedAt: number | null;
  /** Since when no message came and no call was made; null while a call is under way. */
  readonly idleSince: number | null;
}

export type WatchStep =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'end'; readonly reason: ReasonCode }
  | { readonly do: 'miss-link' }
  | { readonly do: 'refresh-code' }
  | { readonly do: 'check-level' }
  | { readonly do: 'probe' }
  | { readonly do: 'measure' }
  | { readonly do: 'snapshot' }
  | { readonly do: 'copy' }
  | { readonly do: 'mend-line' };

/** An hour: long for a wait that something else will end. */
const UNTIL_WOKEN: WatchStep = { do: 'wait', ms: 3_600_000 };

/** The step once `since + ms` has come; without an instant there is nothing to wait for. */
function after(since: number | null, ms: number, step: WatchStep, now: number): WatchStep {
  if (since === null) return UNTIL_WOKEN;
  return now >= since + ms ? step : { do: 'wait', ms: since + ms - now };
}

/** What is due, the first before the others; else the shortest wait. */
function soonest(...steps: readonly WatchStep[]): WatchStep {
  return steps.reduce((best, step) => {
    if (best.do !== 'wait') return best;
    return step.do !== 'wait' || step.ms < best.ms ? step : best;
  }, UNTIL_WOKEN);
}

/** What a life's watchdog does next, or how long it may sleep. */
export function nextWatchStep(view: LifeView, now: number, timings: SessionTimings): WatchStep {
  const end = (reason: ReasonCode): WatchStep => ({ do: 'end', reason });
  const checkLevel = () => after(view.askedAt, timings.levelCheckMs, { do: 'check-level' }, now);
  switch (view.phase) {
    case 'starting':
      return soonest(
        after(view.linkingSince, timings.linkDeadlineMs, end('no_code'), now),
        after(view.unlinkedSince, timings.unpairedGraceMs, { do: 'miss-link' }, now),
        after(view.phaseSince, timings.startDeadlineMs, end(OVERDUE[view.page]), now),
        checkLevel(),
      );
    case 'awaiting_scan': {
      const { refreshMs, most } = codeLimits(view.codeKind, timings);
      // Codes that rotate on below a phone that waits for its user are not for nobody.
      const givenUp = end(view.answered ? 'link_stalled' : 'qr_given_up');
      // A page may show a further QR code by itself; none is asked for that would not be waited for.
      if (view.codes > most) return givenUp;
      const whenOld: WatchStep = view.codes < most ? { do: 'refresh-code' } : givenUp;
      return soonest(
        after(view.linkingSince, timings.linkDeadlineMs, givenUp, now),
        after(view.codeAt, timings.codeOverdueMs, end('start_overdue'), now),
        after(view.codeAskedAt, refreshMs, whenOld, now),
        checkLevel(),
      );
    }
    case 'passkey':
      return soonest(after(view.phaseSince, timings.passkeyDeadlineMs, end('passkey'), now), checkLevel());
    case 'pairing':
    case 'syncing':
      return soonest(
        after(view.phaseSince, timings.readyDeadlineMs, end(overdueReason(view, now, timings)), now),
        checkLevel(),
      );
    case 'leaving':
      return UNTIL_WOKEN;
    case 'connected':
    case 'offline':
      return connectedStep(view, now, timings);
    default:
      return view.phase satisfies never;
  }
}

/**
 * A phone that has answered, and whose link comes no further, waits for its user, and a new code would say nothing of
 * it. One that is linked already, and only syncs, has the time that anybody has to link a phone.
 */
function overdueReason(view: LifeView, now: number, timings: SessionTimings): ReasonCode {
  if (view.page !== 'running' || view.linkingSince === null) return OVERDUE[view.page];
  const isOver = view.phase === 'pairing' || now >= view.linkingSince + timings.linkDeadlineMs;
  return isOver ? 'link_stalled' : 'start_overdue';
}

function codeLimits(
  kind: LifeView['codeKind'],
  timings: SessionTimings,
): { refreshMs: number; most: number } {
  return kind === 'qr'
    ? { refreshMs: timings.qrRefreshMs, most: timings.qrCodesBeforeGivingUp }
    : { refreshMs: timings.pairingCodeRefreshMs, most: timings.pairingCodesBeforeGivingUp };
}

function connectedStep(view: LifeView, now: number, timings: SessionTimings): WatchStep {
  const { memoryBytes, idleSince, offlineSince } = view;
  if (memoryBytes >= timings.memoryHardBytes) return { do: 'end', reason: 'memory_exceeded' };
  const recycle: WatchStep = { do: 'end', reason: 'memory_high' };
  const mend: WatchStep = { do: 'mend-line' };
  return soonest(
    after(offlineSince, timings.offlineGraceMs, { do: 'end', reason: 'connection_lost' }, now),
    view.phase === 'offline' ? UNTIL_WOKEN : after(offlineSince, timings.lineGraceMs, mend, now),
    hasGrown(view, timings) ? after(idleSince, timings.idleAfterMs, recycle, now) : UNTIL_WOKEN,
    after(view.askedAt, timings.probeIntervalMs, { do: 'probe' }, now),
    after(view.measuredAt, timings.memoryIntervalMs, { do: 'measure' }, now),
    snapshotStep(view, now, timings),
  );
}

/** Copies have a clock of their own: they may be due more often than snapshots. One of the two at a time. */
function snapshotStep({ sealedAt, copyAskedAt }: LifeView, now: number, timings: SessionTimings): WatchStep {
  if (sealedAt === null || copyAskedAt === null) return UNTIL_WOKEN;
  return soonest(
    after(sealedAt, timings.snapshotIntervalMs, { do: 'snapshot' }, now),
    after(copyAskedAt, timings.sharedBackupIntervalMs, { do: 'copy' }, now),
  );
}

/** A page that needs more than the limit from the first would be no smaller after a recycling. */
function hasGrown({ memoryBytes, settledBytes }: LifeView, timings: SessionTimings): boolean {
  if (settledBytes === null) return false;
  return memoryBytes >= Math.max(timings.memorySoftBytes, settledBytes + timings.memoryMarginBytes);
}

/** The phase after news of the socket. Only `ready` makes a life connected, only `lost` ends that. */
export function phaseOfSocket(
  current: Phase,
  meaning: 'connected' | 'pairing' | 'waiting' | 'unpaired',
): Phase {
  if (current === 'offline') return meaning === 'connected' ? 'connected' : current;
  if (current === 'connected' || current === 'leaving') return current;
  if (meaning === 'connected') return 'syncing';
  if (meaning === 'pairing') return 'pairing';
  return current;
}
