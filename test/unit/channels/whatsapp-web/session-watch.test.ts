import { describe, expect, it } from 'vitest';
import {
  OFFLINE_GRACE_MS,
  PROBE_INTERVAL_MS,
  QR_CODES_BEFORE_GIVING_UP,
  QR_REFRESH_MS,
  READY_DEADLINE_MS,
  START_DEADLINE_MS,
} from '../../../../src/channels/whatsapp-web/session-timings.ts';
import {
  type LifeView,
  nextWatchStep,
  type Phase,
  phaseOfSocket,
} from '../../../../src/channels/whatsapp-web/session-watch.ts';

const START = 1_000;

function view(change: Partial<LifeView>): LifeView {
  return {
    phase: 'starting',
    phaseSince: START,
    qrAt: START,
    qrCodes: 1,
    offlineSince: null,
    probedAt: START,
    ...change,
  };
}

describe('the watchdog of a session', () => {
  it.each<[Phase, number, string]>([
    ['starting', START_DEADLINE_MS, 'start_overdue'],
    ['pairing', READY_DEADLINE_MS, 'start_overdue'],
    ['syncing', READY_DEADLINE_MS, 'start_overdue'],
  ])('gives a session up that stays %s beyond its deadline (A5, F12)', (phase, deadline, reason) => {
    expect(nextWatchStep(view({ phase }), START + deadline - 1)).toEqual({ do: 'wait', ms: 1 });
    expect(nextWatchStep(view({ phase }), START + deadline)).toEqual({ do: 'end', reason });
  });

  it('asks for a new QR code before the shown one dies (A6)', () => {
    const waiting = view({ phase: 'awaiting_scan' });
    expect(nextWatchStep(waiting, START)).toEqual({ do: 'wait', ms: QR_REFRESH_MS });
    expect(nextWatchStep(waiting, START + QR_REFRESH_MS)).toEqual({ do: 'refresh-qr' });
  });

  it('gives up when nobody scans', () => {
    const last = view({ phase: 'awaiting_scan', qrCodes: QR_CODES_BEFORE_GIVING_UP + 1 });
    expect(nextWatchStep(last, START)).toEqual({ do: 'end', reason: 'qr_given_up' });
  });

  it('probes a connected page at intervals (F9)', () => {
    const connected = view({ phase: 'connected' });
    expect(nextWatchStep(connected, START + PROBE_INTERVAL_MS - 5)).toEqual({ do: 'wait', ms: 5 });
    expect(nextWatchStep(connected, START + PROBE_INTERVAL_MS)).toEqual({ do: 'probe' });
  });

  it('restarts a page that stays out of CONNECTED, and not before (A9, F1, F17)', () => {
    const offline = view({
      phase: 'connected',
      offlineSince: START,
      probedAt: START + OFFLINE_GRACE_MS - 10,
    });
    expect(nextWatchStep(offline, START + OFFLINE_GRACE_MS - 4)).toEqual({ do: 'wait', ms: 4 });
    expect(nextWatchStep(offline, START + OFFLINE_GRACE_MS)).toEqual({
      do: 'end',
      reason: 'connection_lost',
    });
  });

  it('goes on probing while the page is offline', () => {
    const offline = view({ phase: 'connected', offlineSince: START });
    expect(nextWatchStep(offline, START + PROBE_INTERVAL_MS)).toEqual({ do: 'probe' });
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
