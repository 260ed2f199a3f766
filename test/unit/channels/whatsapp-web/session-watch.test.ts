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
  qrLifetimeMs,
  pairingCodeRefreshMs,
  pairingCodesBeforeGivingUp,
  probeIntervalMs,
  offlineGraceMs,
  lineGraceMs,
  passkeyDeadlineMs,
  memorySoftBytes,
  memoryHardBytes,
  memoryIntervalMs,
  memoryMarginBytes,
  idleAfterMs,
  linkDeadlineMs,
} = DEFAULT_TIMINGS;

const nextWatchStep = (seen: LifeView, now: number) => nextStep(seen, now, DEFAULT_TIMINGS);

function view(change: Partial<LifeView>): LifeView {
  return {
    phase: 'starting',
    phaseSince: START,
    page: 'running',
    codeKind: 'qr',
    codeAt: START,
    codes: 1,
    offlineSince: null,
    unlinkedSince: null,
    linkingSince: null,
    answered: false,
    askedAt: START,
    measuredAt: START,
    sealedAt: START,
    copyAskedAt: START,
    codeAskedAt: START,
    memoryBytes: 0,
    settledBytes: 0,
    idleSince: START,
    ...change,
  };
}

describe('the watchdog of a session', () => {
  it.each<[Phase, number, string]>([
    ['starting', startDeadlineMs, 'start_overdue'],
    ['pairing', readyDeadlineMs, 'start_overdue'],
    ['syncing', readyDeadlineMs, 'start_overdue'],
    ['passkey', passkeyDeadlineMs, 'passkey'],
  ])('gives a session up that stays %s beyond its deadline (A5, F12)', (phase, deadline, reason) => {
    const asked = view({ phase, askedAt: START + deadline - 2 });
    expect(nextWatchStep(asked, START + deadline - 1)).toEqual({ do: 'wait', ms: 1 });
    expect(nextWatchStep(view({ phase }), START + deadline)).toEqual({ do: 'end', reason });
  });

  it.each<[Phase, LifeView['page'], string]>([
    ['starting', 'awaited', 'page_unreachable'],
    ['starting', 'loaded', 'launch_failed'],
    ['syncing', 'loaded', 'launch_failed'],
    ['pairing', 'loaded', 'launch_failed'],
  ])(
    'tells of a session that stays %s what its page lacks: it is %s (A5, F12, F13)',
    (phase, page, reason) => {
      const seen = view({ phase, page, linkingSince: START });
      expect(nextWatchStep(seen, START + startDeadlineMs)).toEqual({ do: 'end', reason });
    },
  );

  it('misses the link of an account whose page stays unpaired and shows no QR (F21, F22)', () => {
    const unlinked = view({ unlinkedSince: START, askedAt: null });
    expect(nextWatchStep(unlinked, START)).toEqual({ do: 'wait', ms: unpairedGraceMs });
    expect(nextWatchStep(unlinked, START + unpairedGraceMs)).toEqual({ do: 'miss-link' });
  });

  it('looks again whether a page is ready that tells nothing new (A4, F26)', () => {
    const syncing = view({ phase: 'syncing' });
    expect(nextWatchStep(syncing, START)).toEqual({ do: 'wait', ms: levelCheckMs });
    expect(nextWatchStep(syncing, START + levelCheckMs)).toEqual({ do: 'check-level' });
  });

  it.each<[Phase]>([['starting'], ['passkey']])('asks whether a page lives that is %s (F9)', (phase) => {
    expect(nextWatchStep(view({ phase }), START)).toEqual({ do: 'wait', ms: levelCheckMs });
    expect(nextWatchStep(view({ phase }), START + levelCheckMs)).toEqual({ do: 'check-level' });
  });

  it.each<[Phase, string]>([
    ['starting', 'no_code'],
    ['awaiting_scan', 'qr_given_up'],
  ])('gives up a phone that is not linked for long, whatever is %s anew', (phase, reason) => {
    const now = START + linkDeadlineMs;
    const young = { phase, phaseSince: now, codeAt: now, codeAskedAt: now, askedAt: null };
    expect(nextWatchStep(view({ ...young, linkingSince: START }), now)).toEqual({ do: 'end', reason });
    expect(nextWatchStep(view({ ...young, linkingSince: START }), now - 1)).toEqual({ do: 'wait', ms: 1 });
    expect(nextWatchStep(view(young), now)).toMatchObject({ do: 'wait' });
  });

  it.each<[string, Phase, number, string]>([
    ['a phone that answered and is not linked', 'pairing', START, 'link_stalled'],
    ['a first sync that is slow', 'syncing', START, 'start_overdue'],
    ['a first sync that never ends', 'syncing', START - linkDeadlineMs, 'link_stalled'],
  ])('tells of %s what it is (A24)', (_title, phase, linkingSince, reason) => {
    expect(nextWatchStep(view({ phase, linkingSince }), START + readyDeadlineMs)).toEqual({
      do: 'end',
      reason,
    });
  });

  it('asks for a new QR code before the shown one dies (A6)', () => {
    const waiting = view({ phase: 'awaiting_scan', askedAt: null });
    expect(nextWatchStep(waiting, START)).toEqual({ do: 'wait', ms: qrRefreshMs });
    expect(nextWatchStep(waiting, START + qrRefreshMs)).toEqual({ do: 'refresh-code' });
  });

  it('gives up when nobody scans', () => {
    const last = view({ phase: 'awaiting_scan', codes: qrCodesBeforeGivingUp + 1 });
    expect(nextWatchStep(last, START)).toEqual({ do: 'end', reason: 'qr_given_up' });
  });

  it('does not say that nobody scanned if a phone did (A24)', () => {
    const last = view({ phase: 'awaiting_scan', codes: qrCodesBeforeGivingUp + 1, answered: true });
    expect(nextWatchStep(last, START)).toEqual({ do: 'end', reason: 'link_stalled' });
  });

  it('asks for pairing codes more seldom, and for fewer', () => {
    const waiting = view({ phase: 'awaiting_scan', codeKind: 'code', askedAt: null });
    expect(nextWatchStep(waiting, START)).toEqual({ do: 'wait', ms: pairingCodeRefreshMs });
    expect(nextWatchStep(waiting, START + pairingCodeRefreshMs)).toEqual({ do: 'refresh-code' });
    expect(pairingCodeRefreshMs).toBeLessThan(qrLifetimeMs);
    const last = { ...waiting, codes: pairingCodesBeforeGivingUp + 1 };
    expect(nextWatchStep(last, START)).toEqual({ do: 'end', reason: 'qr_given_up' });
  });

  it.each([
    ['qr', qrCodesBeforeGivingUp, qrRefreshMs],
    ['code', pairingCodesBeforeGivingUp, pairingCodeRefreshMs],
  ] as const)(
    'shows the last %s code as long as the others, and asks for none after it',
    (codeKind, most, ms) => {
      const last = view({ phase: 'awaiting_scan', codeKind, askedAt: null, codes: most });
      expect(nextWatchStep({ ...last, codes: most - 1 }, START + ms)).toEqual({ do: 'refresh-code' });
      expect(nextWatchStep(last, START)).toEqual({ do: 'wait', ms });
      expect(nextWatchStep(last, START + ms)).toEqual({ do: 'end', reason: 'qr_given_up' });
    },
  );

  it('probes a connected page at intervals (F9)', () => {
    const connected = view({ phase: 'connected' });
    expect(nextWatchStep(connected, START + probeIntervalMs - 5)).toEqual({ do: 'wait', ms: 5 });
    expect(nextWatchStep(connected, START + probeIntervalMs)).toEqual({ do: 'probe' });
  });

  it('restarts a page that stays out of CONNECTED, and not before (A9, F1, F17)', () => {
    const offline = view({
      phase: 'offline',
      offlineSince: START,
      askedAt: START + offlineGraceMs - 10,
      measuredAt: null,
    });
    expect(nextWatchStep(offline, START + offlineGraceMs - 4)).toEqual({ do: 'wait', ms: 4 });
    expect(nextWatchStep(offline, START + offlineGraceMs)).toEqual({
      do: 'end',
      reason: 'connection_lost',
    });
  });

  it('says so when the line has been down for a while, once (A9, F1, F17)', () => {
    const down = view({ phase: 'connected', offlineSince: START, askedAt: null, measuredAt: null });
    expect(nextWatchStep(down, START)).toEqual({ do: 'wait', ms: lineGraceMs });
    expect(nextWatchStep(down, START + lineGraceMs)).toEqual({ do: 'mend-line' });
    expect(nextWatchStep({ ...down, phase: 'offline' }, START + lineGraceMs)).toMatchObject({
      do: 'wait',
    });
  });

  it('asks nothing more of a page that has not answered yet', () => {
    const asked = view({ phase: 'connected', askedAt: null, measuredAt: null });
    expect(nextWatchStep(asked, START + 10 * probeIntervalMs)).toMatchObject({ do: 'wait' });
  });

  it('reads the memory of a connected session at intervals', () => {
    const connected = view({ phase: 'connected', askedAt: null });
    expect(nextWatchStep(connected, START)).toEqual({ do: 'wait', ms: memoryIntervalMs });
    expect(nextWatchStep(connected, START + memoryIntervalMs)).toEqual({ do: 'measure' });
  });

  it.each<[string, Partial<LifeView>, string | undefined]>([
    ['recycles one that has grown and is idle', { memoryBytes: memorySoftBytes }, 'memory_high'],
    ['leaves one alone that is in use', { memoryBytes: memoryHardBytes - 1, idleSince: null }, undefined],
    ['leaves one alone that has not grown', { memoryBytes: memorySoftBytes - 1 }, undefined],
    [
      'leaves one alone that has just been started',
      { memoryBytes: memorySoftBytes, settledBytes: null },
      undefined,
    ],
    [
      'leaves one alone that needs so much',
      { memoryBytes: memorySoftBytes + memoryMarginBytes, settledBytes: memorySoftBytes + 1 },
      undefined,
    ],
    [
      'recycles one that needs so much, and has grown on top of it',
      { memoryBytes: memorySoftBytes + memoryMarginBytes, settledBytes: memorySoftBytes },
      'memory_high',
    ],
    [
      'ends one that has grown too much, used or not',
      { memoryBytes: memoryHardBytes, idleSince: null },
      'memory_exceeded',
    ],
  ])('%s', (_title, change, reason) => {
    const grown = view({ phase: 'connected', askedAt: null, measuredAt: null, ...change });
    const step = nextWatchStep(grown, START + idleAfterMs);
    expect(step).toMatchObject(reason === undefined ? { do: 'wait' } : { do: 'end', reason });
  });

  it('seals a snapshot of a connected session at intervals, and asks more often whether a copy is due', () => {
    const { snapshotIntervalMs, sharedBackupIntervalMs } = DEFAULT_TIMINGS;
    const connected = view({ phase: 'connected', askedAt: null, measuredAt: null });
    expect(nextWatchStep(connected, START)).toEqual({ do: 'wait', ms: sharedBackupIntervalMs });
    expect(nextWatchStep(connected, START + sharedBackupIntervalMs)).toEqual({ do: 'copy' });
    const asked = { ...connected, copyAskedAt: START + snapshotIntervalMs - 1 };
    expect(nextWatchStep(asked, START + snapshotIntervalMs)).toEqual({ do: 'snapshot' });
    for (const underWay of [{ copyAskedAt: null }, { sealedAt: null }]) {
      const busy = { ...connected, ...underWay };
      expect(nextWatchStep(busy, START + snapshotIntervalMs)).toMatchObject({ do: 'wait' });
    }
  });

  it('goes on probing while the page is offline', () => {
    const offline = view({ phase: 'offline', offlineSince: START });
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
    ['passkey', 'pairing', 'pairing'],
    ['offline', 'waiting', 'offline'],
    ['offline', 'connected', 'connected'],
    ['connected', 'waiting', 'connected'],
    ['connected', 'connected', 'connected'],
  ])('%s and %s makes %s', (before, meaning, after) => {
    expect(phaseOfSocket(before, meaning)).toBe(after);
  });
});
