import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Account, AccountStore, SessionAlert, SessionChange } from '../../../../src/accounts/account.ts';
import { type AccountId, parseInstanceId } from '../../../../src/accounts/ids.ts';
import type { ReasonCode } from '../../../../src/accounts/reason.ts';
import { LaunchGate } from '../../../../src/channels/whatsapp-web/launch-gate.ts';
import type { TakenFrom } from '../../../../src/channels/whatsapp-web/profile-opening.ts';
import { Session } from '../../../../src/channels/whatsapp-web/session.ts';
import type { ClientEvent } from '../../../../src/channels/whatsapp-web/whatsapp-client.ts';
import { DEFAULT_TIMINGS } from '../../../../src/config/session-timings.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { AppError, type ErrorCode } from '../../../../src/lib/errors.ts';
import { ABSENT_WAIT_MS, AwaitedGenerationError } from '../../../../src/vault/absent-generation.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';

const ID = 'a' as AccountId;
const HERE = parseInstanceId('here');
const IDENTITY = { wid: '491511111@c.us', phoneNumber: '+491511111', profileName: null };
/** A page that lacks nothing. */
const PAGE = { evaluate: async () => [] };
const READY = { kind: 'ready', identity: IDENTITY, page: PAGE } as unknown as ClientEvent;
const SECOND_MS = 1_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A life as the test plays it: what its client tells once it is open. */
type Play = (say: (event: ClientEvent) => void) => void;

const fall = (reason: ReasonCode): ClientEvent => ({ kind: 'ended', reason, error: new Error(reason) });
const neverThere: Play = (say) => say(fall('launch_failed'));

/** Connected for as long as that, then its browser dies. */
const connectedFor = (ms: number): Play => {
  return (say) => {
    say(READY);
    setTimeout(() => say(fall('browser_died')), ms);
  };
};

/** What the session waits for. */
interface Hooks {
  readonly takeOut: () => Promise<TakenFrom>;
  readonly isSealed: boolean;
  readonly discard: () => Promise<void>;
  readonly close: () => Promise<void>;
  readonly gate: LaunchGate;
}

/** A session whose lives are played one after another, the last again and again. */
function play(
  plays: readonly Play[],
  account: Partial<Account> = {},
  {
    takeOut = async () => 'vault',
    isSealed = true,
    discard = async () => undefined,
    close = async () => undefined,
    gate = new LaunchGate(1),
  }: Partial<Hooks> = {},
) {
  const changes: SessionChange[] = [];
  const alerts: SessionAlert[] = [];
  const opened: number[] = [];
  const log = new RecordingLogger();
  const done = async () => undefined;
  const state = { isAway: false, instanceId: HERE as Account['instanceId'] };
  const unlessAway = async () => {
    if (state.isAway) throw new Error('The database is away.');
  };
  const store = {
    getAccount: async () => ({ instanceId: state.instanceId }) as Account,
    saveState: unlessAway,
    saveRest: unlessAway,
    saveAlert: unlessAway,
    saveQr: unlessAway,
    saveLinked: unlessAway,
  } as unknown as AccountStore;
  const stop = new AbortController();
  const session = new Session(
    {
      account: {
        id: ID,
        state: 'starting',
        linked: true,
        phoneNumber: IDENTITY.phoneNumber,
        lastError: null,
        expectedPhoneNumber: null,
        pairing: 'qr',
        ...account,
      } as Account,
      instanceId: HERE,
      store,
      listener: {
        onEvents: () => undefined,
        onConnected: () => undefined,
        onState: (_id, change) => void changes.push(change),
        onAlert: (_id, alert) => void alerts.push(alert),
      },
      gate,
      profile: {
        takeOut,
        discard,
        isSealed: () => isSealed,
        snapshot: done,
        copyWhenDue: async () => false,
      },
      clock: systemClock,
      log,
      timings: DEFAULT_TIMINGS,
      makeClient: (onEvent) => ({
        open: async () => {
          opened.push(Date.now());
          const next = plays[Math.min(opened.length, plays.length) - 1];
          next?.(onEvent);
        },
        close,
        probe: done,
        checkLevel: done,
        reconnectSocket: done,
        refreshCode: done,
        measureMemory: async () => 0,
        logOut: done,
      }),
    },
    stop.signal,
  );
  return { session, changes, alerts, opened, log, stop, state, rest: session.run() };
}

/** Pauses between the openings of one browser and the next, in seconds. */
const pausesOf = (opened: readonly number[]) =>
  opened.slice(1).map((at, index) => Math.round((at - (opened[index] ?? at)) / SECOND_MS));

describe('a session that cannot be brought back', () => {
  it('tries after 0, 1, 2, 4, 8, 16, 30, 30 s and so on for ever', async () => {
    const { opened, stop, rest } = play([connectedFor(0), neverThere]);
    await vi.advanceTimersByTimeAsync(130 * SECOND_MS);
    expect(pausesOf(opened)).toEqual([0, 1, 2, 4, 8, 16, 30, 30, 30]);
    stop.abort();
    expect(await rest).toBe('stopped');
  });

  it('raises one alert after five failures, and is told of by each attempt', async () => {
    const { session, alerts, changes, log, stop } = play([connectedFor(0), neverThere]);
    await vi.advanceTimersByTimeAsync(14 * SECOND_MS);
    expect(alerts).toEqual([]);
    await vi.advanceTimersByTimeAsync(2 * SECOND_MS);
    expect(alerts).toMatchObject([{ kind: 'reconnect_failing', reason: 'launch_failed' }]);
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(100 * SECOND_MS);
    expect(alerts).toHaveLength(1);
    expect(session.status().reconnect).toMatchObject({ attempt: 9, failures: 8 });
    expect(changes.map(({ state, attempt = 0 }) => `${state} ${attempt}`).slice(0, 5)).toEqual([
      'connected 0',
      'reconnecting 1',
      'reconnecting 2',
      'reconnecting 3',
      'reconnecting 4',
    ]);
    stop.abort();
  });

  it('looks steadily for a copy that is awaited, and alerts nobody', async () => {
    const tries: number[] = [];
    const takeOut = async () => {
      tries.push(Date.now());
      if (tries.length < 9) throw new AwaitedGenerationError(7);
      return 'vault' as const;
    };
    const { session, alerts, changes, opened, stop } = play([(say) => say(READY)], {}, { takeOut });
    await vi.advanceTimersByTimeAsync(ABSENT_WAIT_MS);
    expect(session.status().reconnect).toMatchObject({ attempt: 3, failures: 0 });
    await vi.advanceTimersByTimeAsync(2 * SECOND_MS);
    expect(pausesOf(tries)).toEqual([0, 1, 2, 2, 2, 2, 2, 2]);
    expect([opened.length, alerts]).toEqual([1, []]);
    expect(changes[0]).toMatchObject({ state: 'reconnecting', reason: 'vault_unavailable' });
    stop.abort();
  });

  it('tells each fall in one line of the log', async () => {
    const { log, stop } = play([connectedFor(0), (say) => say(READY)]);
    await vi.advanceTimersByTimeAsync(SECOND_MS);
    stop.abort();
    expect(log.lines.filter(({ fields }) => fields.reason === 'browser_died')).toEqual([
      {
        level: 'warn',
        message: 'The session fell and is started again',
        fields: expect.objectContaining({ state: 'reconnecting', attempt: 1, error: 'browser_died' }),
      },
    ]);
  });

  it('counts its pauses from each fall, however long its browser takes to close, and says what comes on top', async () => {
    const close = () => new Promise<void>((resolve) => setTimeout(resolve, 2 * SECOND_MS));
    const wedged: Play = (say) => say(fall('page_unresponsive'));
    const { opened, log, stop } = play([connectedFor(0), wedged], {}, { close });
    await vi.advanceTimersByTimeAsync(40 * SECOND_MS);
    // On schedule: 0, 1, 2, 4, 8, 16 s.
    expect(pausesOf(opened)).toEqual([2, 2, 2, 4, 8, 16]);
    const late = log.lines.filter(({ message }) => message === 'The session waited for its browser to close');
    expect(late.map(({ fields }) => fields.waitedMs)).toEqual([2_000, 1_000]);
    stop.abort();
  });

  it('says how long it waited at the launch gate, if that put its start off', async () => {
    const gate = new LaunchGate(1);
    const leave = await gate.enter(new AbortController().signal);
    const { opened, log, stop } = play([(say) => say(READY)], {}, { gate });
    await vi.advanceTimersByTimeAsync(150);
    expect(opened).toEqual([]);
    leave();
    await vi.advanceTimersByTimeAsync(0);
    expect(opened).toHaveLength(1);
    expect(log.lines).toContainEqual({
      level: 'info',
      message: 'The session waited for others to start',
      fields: { waitedMs: 150 },
    });
    stop.abort();
  });

  it('starts again at once after five stable minutes, and keeps its step after fewer', async () => {
    const stable = connectedFor(300 * SECOND_MS);
    const { opened, alerts, stop } = play([
      neverThere,
      neverThere,
      neverThere,
      connectedFor(0),
      stable,
      connectedFor(0),
      stable,
    ]);
    await vi.advanceTimersByTimeAsync(310 * SECOND_MS);
    // Failed at 0, 0, 1, 3 s; connected and fell at once: the same step again, 2 s.
    expect(pausesOf(opened)).toEqual([0, 1, 2, 2, 300, 0]);
    expect(alerts).toEqual([]);
    stop.abort();
  });

  it('raises one alert if it falls again and again, and keeps its step', async () => {
    const { opened, alerts, log, stop } = play([neverThere, neverThere, neverThere, connectedFor(0)]);
    await vi.advanceTimersByTimeAsync(20 * SECOND_MS);
    expect(pausesOf(opened).slice(0, 8)).toEqual([0, 1, 2, 2, 2, 2, 2, 2]);
    expect(alerts).toEqual([
      {
        kind: 'flapping',
        reason: 'browser_died',
        text: 'The session connects and falls again, time after time: The browser ended.',
      },
    ]);
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    stop.abort();
  });
});

describe('a session that was connected for five minutes', () => {
  it('has no failures any more when its line goes', async () => {
    const lineGoes: Play = (say) => {
      say(READY);
      setTimeout(() => say({ kind: 'socket', state: 'OPENING' }), 310 * SECOND_MS);
    };
    const { session, stop } = play([neverThere, neverThere, neverThere, lineGoes]);
    await vi.advanceTimersByTimeAsync(340 * SECOND_MS);
    expect(session.status().reconnect).toMatchObject({ attempt: 0, failures: 0 });
    stop.abort();
  });
});

describe('a session that only a person can mend', () => {
  it.each<[ReasonCode]>([['logged_out'], ['banned'], ['replaced'], ['client_outdated'], ['auth_failed']])(
    'is not tried again when it is %s, and raises an alert',
    async (reason) => {
      const { rest, changes, alerts, opened } = play([(say) => say(fall(reason))]);
      expect(await rest).toBe(reason);
      expect(changes.at(-1)).toMatchObject({ state: 'needs_human', reason });
      expect(alerts).toMatchObject([{ kind: 'needs_human', reason }]);
      expect(opened).toHaveLength(1);
    },
  );

  it('keeps its reason though it is asked to stop while its browser is being closed', async () => {
    const closing = Promise.withResolvers<void>();
    const close = () => closing.promise;
    const { rest, changes, stop } = play([(say) => say(fall('replaced'))], {}, { close });
    await vi.advanceTimersByTimeAsync(SECOND_MS);
    stop.abort(new Error('stopped'));
    closing.resolve();
    expect(await rest).toBe('replaced');
    expect(changes).toMatchObject([{ state: 'needs_human', reason: 'replaced' }]);
  });

  it('keeps its reason though it is asked to stop while that is being stored', async () => {
    const played = play([(say) => say(fall('replaced'))]);
    played.state.isAway = true;
    await vi.advanceTimersByTimeAsync(SECOND_MS);
    played.stop.abort(new Error('stopped'));
    played.state.isAway = false;
    expect(await played.rest).toBe('replaced');
    expect(played.changes).toMatchObject([{ state: 'needs_human', reason: 'replaced' }]);
  });

  it('is not replaced if our own other instance has taken the account over', async () => {
    const played = play([(say) => say(fall('replaced'))]);
    played.state.instanceId = parseInstanceId('there');
    expect(await played.rest).toBe('moved');
    expect(played.changes).toEqual([]);
    expect(played.alerts).toEqual([]);
  });
});

it('comes back at once after it was recycled for its memory, and counts no failure', async () => {
  const { changes, stop, opened, session } = play([
    (say) => {
      say(READY);
      say(fall('memory_high'));
    },
    (say) => say(READY),
  ]);
  await vi.advanceTimersByTimeAsync(SECOND_MS);
  expect(pausesOf(opened)).toEqual([0]);
  expect(changes.map(({ state }) => state)).toEqual(['connected', 'reconnecting', 'connected']);
  expect(session.findConnected()).toBeDefined();
  stop.abort();
});

it('keeps its work while the database is away, and stores its states in their order afterwards', async () => {
  const played = play([connectedFor(0), neverThere, (say) => say(READY)]);
  played.state.isAway = true;
  await vi.advanceTimersByTimeAsync(5 * SECOND_MS);
  expect(played.session.findConnected()).toBeDefined();
  expect(played.changes).toEqual([]);
  played.state.isAway = false;
  await vi.advanceTimersByTimeAsync(5 * SECOND_MS);
  expect(played.changes.map(({ state, attempt = 0 }) => `${state} ${attempt}`)).toEqual([
    'connected 0',
    'reconnecting 1',
    'reconnecting 2',
    'connected 0',
  ]);
  played.stop.abort();
  expect(await played.rest).toBe('stopped');
  expect(played.changes.at(-1)).toMatchObject({ state: 'closing' });
});

describe('a link whose number is not known to be that of the account', () => {
  // As after an import, or where the page knew only the LID until now.
  it.each([null, '+491522222'])('begins its work once it is stored: %s before', async (phoneNumber) => {
    const played = play([(say) => say(READY)], { phoneNumber });
    played.state.isAway = true;
    await vi.advanceTimersByTimeAsync(5 * SECOND_MS);
    expect(played.session.findConnected()).toBeUndefined();
    played.state.isAway = false;
    await vi.advanceTimersByTimeAsync(5 * SECOND_MS);
    expect(played.session.findConnected()).toBeDefined();
    played.stop.abort();
  });

  it('is known from its first storing on', async () => {
    const played = play([connectedFor(2 * SECOND_MS), (say) => say(READY)], { phoneNumber: null });
    await vi.advanceTimersByTimeAsync(SECOND_MS);
    played.state.isAway = true;
    await vi.advanceTimersByTimeAsync(5 * SECOND_MS);
    expect(played.opened).toHaveLength(2);
    expect(played.session.findConnected()).toBeDefined();
    played.stop.abort();
  });
});

describe('a linked account whose page knows no link', () => {
  const asksForScan: Play = (say) => say({ kind: 'qr', text: '1@code' });
  const saysUnpaired: Play = (say) => say({ kind: 'socket', state: 'UNPAIRED' });
  const isConnected: Play = (say) => say(READY);

  /** Profiles come from there, one after another, the last from the same place again and again. */
  function playFrom(places: readonly TakenFrom[], plays: readonly Play[], hooks: Partial<Hooks> = {}) {
    const steps: string[] = [];
    const takeOut = async () => {
      const place = places[Math.min(steps.filter((step) => step !== 'discard').length, places.length - 1)];
      steps.push(place ?? 'live');
      return place ?? 'live';
    };
    const discard = async () => void steps.push('discard');
    return { ...play(plays, {}, { takeOut, discard, ...hooks }), steps };
  }

  it.each<[string, Play]>([
    ['asks for a scan', asksForScan],
    ['stays unpaired and shows no code', saysUnpaired],
  ])(
    'is opened from the vault before that is believed of a profile that lay open (it %s)',
    async (_what, page) => {
      const { changes, alerts, opened, steps, stop } = playFrom(['live', 'vault'], [page, isConnected]);
      await vi.advanceTimersByTimeAsync(DEFAULT_TIMINGS.unpairedGraceMs + SECOND_MS);
      expect(steps).toEqual(['live', 'discard', 'vault']);
      expect(pausesOf(opened)).toEqual([
        page === asksForScan ? 0 : DEFAULT_TIMINGS.unpairedGraceMs / SECOND_MS,
      ]);
      expect(changes).toMatchObject([
        { state: 'reconnecting', reason: 'link_doubted' },
        { state: 'connected' },
      ]);
      expect(alerts).toEqual([]);
      stop.abort();
    },
  );

  it.each<[string, Play]>([
    ['asks for a scan', asksForScan],
    ['stays unpaired and shows no code', saysUnpaired],
  ])('is logged out once that is so with what the vault had, too (it %s)', async (_what, page) => {
    const { rest, steps } = playFrom(['live', 'vault'], [page]);
    await vi.advanceTimersByTimeAsync(2 * (DEFAULT_TIMINGS.unpairedGraceMs + SECOND_MS));
    expect(await rest).toBe('logged_out');
    expect(steps).toEqual(['live', 'discard', 'vault']);
  });

  it('is logged out though the browser over what the vault had died before it asked', async () => {
    const { rest, steps } = playFrom(['live', 'vault', 'live'], [asksForScan, neverThere, asksForScan]);
    await vi.advanceTimersByTimeAsync(SECOND_MS);
    expect(await rest).toBe('logged_out');
    expect(steps).toEqual(['live', 'discard', 'vault', 'live']);
  });

  it('is opened from the vault again if it was connected since', async () => {
    const loses: Play = (say) => {
      say(READY);
      setTimeout(() => asksForScan(say), SECOND_MS);
    };
    const { changes, steps, stop } = playFrom(['vault'], [loses, isConnected]);
    await vi.advanceTimersByTimeAsync(2 * SECOND_MS);
    expect(steps).toEqual(['vault', 'discard', 'vault']);
    expect(changes.map(({ state }) => state)).toEqual(['connected', 'reconnecting', 'connected']);
    stop.abort();
  });

  it.each<[string, readonly TakenFrom[], Play, Partial<Hooks>]>([
    ['it came from the vault', ['vault'], asksForScan, {}],
    ['there is no snapshot', ['live'], asksForScan, { isSealed: false }],
    ['the page says that the link was ended', ['live'], (say) => say({ kind: 'logged_out' }), {}],
  ])('is logged out at once if %s', async (_what, places, page, hooks) => {
    const { rest, opened, steps } = playFrom(places, [page], hooks);
    expect(await rest).toBe('logged_out');
    expect(opened).toHaveLength(1);
    expect(steps).toEqual(places);
  });

  it('leaves nothing of that profile to whoever stops it meanwhile', async () => {
    const closing = Promise.withResolvers<void>();
    const { rest, steps, stop } = playFrom(['live'], [asksForScan], { close: () => closing.promise });
    await vi.advanceTimersByTimeAsync(SECOND_MS);
    stop.abort(new Error('stopped'));
    closing.resolve();
    expect(await rest).toBe('stopped');
    expect(steps).toEqual(['live', 'discard']);
  });

  it('is not opened as it lay open if that could not be removed, but tried again', async () => {
    const discard = vi.fn(async () => undefined).mockRejectedValueOnce(new Error('The disk fails.'));
    const { changes, stop } = playFrom(['live', 'live', 'vault'], [asksForScan, asksForScan, isConnected], {
      discard,
    });
    await vi.advanceTimersByTimeAsync(5 * SECOND_MS);
    expect(changes.map(({ state, reason }) => reason ?? state)).toEqual([
      'link_doubted',
      'launch_failed',
      'link_doubted',
      'connected',
    ]);
    stop.abort();
  });
});

it.each<[ErrorCode, ReasonCode]>([
  ['DISK_FULL', 'disk_full'],
  ['VAULT_STORAGE_FAILED', 'vault_unavailable'],
])('tries again when its profile could not be opened for %s', async (code, reason) => {
  const takeOut = vi.fn(async (): Promise<TakenFrom> => 'vault').mockRejectedValueOnce(new AppError(code));
  const { changes, stop } = play([(say) => say(READY)], { state: 'starting' }, { takeOut });
  await vi.advanceTimersByTimeAsync(SECOND_MS);
  expect(changes).toMatchObject([{ state: 'reconnecting', reason, attempt: 1 }, { state: 'connected' }]);
  stop.abort();
});

describe('a profile whose opening hangs', () => {
  const hang = () => {
    const opening = Promise.withResolvers<TakenFrom>();
    const takeOut = vi.fn(() => opening.promise);
    return { ...play([(say) => say(READY)], { state: 'starting' }, { takeOut }), takeOut, opening };
  };

  it('is told in time as one that could not be opened, and is never opened twice at once', async () => {
    const { changes, stop, takeOut } = hang();
    await vi.advanceTimersByTimeAsync(DEFAULT_TIMINGS.profileDeadlineMs - 1);
    expect(changes).toEqual([]);
    await vi.advanceTimersByTimeAsync(1 + SECOND_MS + DEFAULT_TIMINGS.profileDeadlineMs);
    expect(changes).toMatchObject([
      { state: 'reconnecting', reason: 'vault_unavailable', attempt: 1 },
      { state: 'reconnecting', reason: 'vault_unavailable', attempt: 2 },
    ]);
    expect(takeOut).toHaveBeenCalledTimes(1);
    stop.abort();
  });

  it('is used once it is open after all', async () => {
    const { session, opened, opening, stop } = hang();
    await vi.advanceTimersByTimeAsync(DEFAULT_TIMINGS.profileDeadlineMs + SECOND_MS);
    expect(opened).toEqual([]);
    opening.resolve('vault');
    await vi.advanceTimersByTimeAsync(0);
    expect(opened).toHaveLength(1);
    expect(session.findConnected()).toBeDefined();
    stop.abort();
  });

  it('keeps no session from stopping', async () => {
    const { rest, changes, stop } = hang();
    await vi.advanceTimersByTimeAsync(SECOND_MS);
    stop.abort(new Error('stopped'));
    await vi.advanceTimersByTimeAsync(DEFAULT_TIMINGS.profileEndMs);
    expect(await rest).toBe('stopped');
    expect(changes).toMatchObject([{ state: 'closing', reason: null }]);
  });

  it('is waited for by a session that stops, as long as it may end at once', async () => {
    const { rest, opening, stop, takeOut } = hang();
    await vi.advanceTimersByTimeAsync(SECOND_MS);
    const onEnd = vi.fn();
    void rest.then(onEnd);
    stop.abort(new Error('stopped'));
    await vi.advanceTimersByTimeAsync(DEFAULT_TIMINGS.profileEndMs - 1);
    expect(takeOut).toHaveBeenCalledWith(expect.anything(), stop.signal);
    expect(onEnd).not.toHaveBeenCalled();
    opening.reject(stop.signal.reason);
    await vi.advanceTimersByTimeAsync(0);
    expect(onEnd).toHaveBeenCalledWith('stopped');
  });
});
