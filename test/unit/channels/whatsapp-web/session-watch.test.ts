import { describe, expect, it } from 'vitest';
import {
  type LifeView,
  nextWatchStep as nextStep,
  type Phase,
  phaseOfSocket,
} from '../../../../src/channels/whatsapp-web/session-watch.ts';
import { DEFAULT_TIMINGS } from '../../../../src/config/session-timings.ts';

const START = 1_000;
const {
  startDeadlineMs,
  readyDeadlineMs,
  levelCheckMs,
  unpairedGraceMs,
  qrRefreshMs,
  qrCodesBeforeGivingUp,
  probeIntervalMs,
  offlineGraceMs,
} = DEFAULT_TIMINGS;

const nextWatchStep = (seen: LifeView, now: number) => nextStep(seen, now, DEFAULT_TIMINGS);

function view(change: Partial<LifeView>): LifeView {
  return {
    phase: 'starting',
    phaseSince: START,
    qrAt: START,
    qrCodes: 1,
    offlineSince: null,
    unlinkedSince: null,
    probedAt: START,
    ...change,
  };
}

describe('the watchdog of a session', () => {
  it.each<[Phase, number, string]>([
    ['starting', startDeadlineMs, 'start_overdue'],
    ['pairing', readyDeadlineMs, 'start_overdue'],
    ['syncing', readyDeadlineMs, 'start_overdue'],
  ])('gives a session up that stays %s beyond its deadline (A5, F12)', (phase, deadline, reason) => {
    const asked = view({ phase, probedAt: START + deadline - 2 });
    expect(nextWatchStep(asked, START + deadline - 1)).toEqual({ do: 'wait', ms: 1 });
    expect(nextWatchStep(view({ phase }), START + deadline)).toEqual({ do: 'end', reason });
  });

  it('takes a linked account for logged out whose page stays unpaired and shows no QR (F21, F22)', () => {
    const unlinked = view({ unlinkedSince: START });
    expect(nextWatchStep(unlinked, START)).toEqual({ do: 'wait', ms: unpairedGraceMs });
    expect(nextWatchStep(unlinked, START + unpairedGraceMs)).toEqual({ do: 'end', reason: 'logged_out' });
  });

  it('looks again whether a page is ready that tells nothing new (A4, F26)', () => {
    const syncing = view({ phase: 'syncing' });
    expect(nextWatchStep(syncing, START)).toEqual({ do: 'wait', ms: levelCheckMs });
    expect(nextWatchStep(syncing, START + levelCheckMs)).toEqual({ do: 'check-level' });
  });

  it('asks for a new QR code before the shown one dies (A6)', () => {
    const waiting = view({ phase: 'awaiting_scan' });
    expect(nextWatchStep(waiting, START)).toEqual({ do: 'wait', ms: qrRefreshMs });
    expect(nextWatchStep(waiting, START + qrRefreshMs)).toEqual({ do: 'refresh-qr' });
  });

  it('gives up when nobody scans', () => {
    const last = view({ phase: 'awaiting_scan', qrCodes: qrCodesBeforeGivingUp + 1 });
    expect(nextWatchStep(last, START)).toEqual({ do: 'end', reason: 'qr_given_up' });
  });

  it('probes a connected page at intervals (F9)', () => {
    const connected = view({ phase: 'connected' });
    expect(nextWatchStep(connected, START + probeIntervalMs - 5)).toEqual({ do: 'wait', ms: 5 });
    expect(nextWatchStep(connected, START + probeIntervalMs)).toEqual({ do: 'probe' });
  });

  it('restarts a page that stays out of CONNECTED, and not before (A9, F1, F17)', () => {
    const offline = view({
      phase: 'connected',
      offlineSince: START,
      probedAt: START + offlineGraceMs - 10,
    });
    expect(nextWatchStep(offline, START + offlineGraceMs - 4)).toEqual({ do: 'wait', ms: 4 });
    expect(nextWatchStep(offline, START + offlineGraceMs)).toEqual({
      do: 'end',
      reason: 'connection_lost',
    });
  });

  it('goes on probing while the page is offline', () => {
    const offline = view({ phase: 'connected', offlineSince: START });
    expect(nextWatchStep(offline, START + probeIntervalMs)).toEqual({ do: 'probe' });
  });
});

describe('the phase after news of the socket', () => {
  it.each<[Phase, 'connected' | 'pairing' | 'waiting' | 'unpaired', Phase]>([
    ['starting', 'waiting', 'starting'],
    ['starting', 'unpaired', 'starting'],
    ['starting', 'connected', 'syncing'],
    ['awaiting_scan', 'pairing', 'pairing'],
    ['pairing', 'waiting', 'pairing'],
    ['pairing', 'connected', 'syncing'],
    ['connected', 'waiting', 'connected'],
    ['connected', 'connected', 'connected'],
  ])('%s and %s makes %s', (before, meaning, after) => {
    expect(phaseOfSocket(before, meaning)).toBe(after);
  });
});
