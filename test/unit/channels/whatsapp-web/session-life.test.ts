import { expect, it } from 'vitest';
import type { Account } from '../../../../src/accounts/account.ts';
import type { AccountId } from '../../../../src/accounts/ids.ts';
import {
  type LifeDeps,
  type SessionClient,
  SessionLife,
} from '../../../../src/channels/whatsapp-web/session-life.ts';
import type { ClientEvent } from '../../../../src/channels/whatsapp-web/whatsapp-client.ts';
import { DEFAULT_TIMINGS } from '../../../../src/config/session-timings.ts';
import { AppError } from '../../../../src/lib/errors.ts';
import type { InboundEvent } from '../../../../src/messages/inbound-event.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';

const ACCOUNT = { id: 'a' as AccountId, expectedPhoneNumber: null, pairing: 'qr' } as Account;
const IDENTITY = { wid: '491511111@c.us', phoneNumber: '+491511111', profileName: null };
/** A page that lacks nothing. */
const PAGE = { evaluate: async () => [] };
const READY = { kind: 'ready', identity: IDENTITY, page: PAGE } as unknown as ClientEvent;

function reaction(emoji: string): ClientEvent {
  const key = { fromMe: false, chatId: '1@c.us', bareId: 'A', participant: null };
  const event: InboundEvent = { kind: 'reaction', key, chatId: '1@c.us', senderId: '1@c.us', emoji, at: 1 };
  return { kind: 'events', events: [event] };
}

/** A life over a client that says what the test says; `told` is what came out of it, in order. */
function makeLife(
  onLinked: LifeDeps['onLinked'],
  client: Partial<SessionClient> = {},
  { isLinked = true } = {},
) {
  const told: string[] = [];
  const facts: string[] = [];
  const qrs: (string | null)[] = [];
  const signals: AbortSignal[] = [];
  const connected = Promise.withResolvers<void>();
  const nothing = async () => undefined;
  const clock = new ManualClock();
  const log = new RecordingLogger();
  let say: (event: ClientEvent) => void = () => undefined;
  const life = new SessionLife({
    account: ACCOUNT,
    clock,
    log,
    timings: {
      ...DEFAULT_TIMINGS,
      probeIntervalMs: 0,
      memoryIntervalMs: 0,
      memorySettleMs: 0,
      memorySoftBytes: 500,
      memoryHardBytes: 1_000,
    },
    listener: {
      onEvents: (_id, events) =>
        told.push(...events.map((event) => (event.kind === 'reaction' ? event.emoji : ''))),
      onQr: (_account, qr) => void qrs.push(qr),
      onLineBack: () => void told.push('line back'),
      onConnected: (_session, signal) => {
        signals.push(signal);
        told.push('connected');
        connected.resolve();
      },
    },
    makeClient: (onEvent) => {
      say = onEvent;
      return {
        open: nothing,
        close: nothing,
        probe: nothing,
        checkLevel: nothing,
        reconnectSocket: nothing,
        refreshCode: nothing,
        measureMemory: async () => 0,
        logOut: nothing,
        ...client,
      };
    },
    isLinked: () => isLinked,
    missingLinkReason: () => 'logged_out',
    linkingSince: () => (isLinked ? null : clock.monotonic()),
    countCode: () => 1,
    isSealed: () => true,
    onFall: () => undefined,
    snapshot: nothing,
    copyWhenDue: async () => false,
    onSettled: () => undefined,
    onFact: (fact) => void facts.push(fact),
    onCode: () => undefined,
    onLinked,
  });
  const { promise } = connected;
  const tell = (event: ClientEvent) => say(event);
  return { life, told, facts, qrs, signals, clock, log, connected: promise, say: tell };
}

it('keeps what the page tells while the link is still being stored, in its order', async () => {
  const stored = Promise.withResolvers<void>();
  const { life, told, connected, say } = makeLife(() => stored.promise);
  const stop = new AbortController();
  const ended = life.run(stop.signal);
  say(reaction('1'));
  say(READY);
  say(reaction('2'));
  expect(told).toEqual([]);
  stored.resolve();
  await connected;
  say(reaction('3'));
  expect(told).toEqual(['1', '2', 'connected', '3']);
  stop.abort();
  await ended;
});

it('says that the line of a connected page is back, however short it was down (F1)', async () => {
  const { life, told, connected, say } = makeLife(async () => undefined);
  const stop = new AbortController();
  const ended = life.run(stop.signal);
  for (const state of ['OPENING', 'CONNECTED']) say({ kind: 'socket', state });
  say(READY);
  await connected;
  for (const state of ['CONNECTED', 'OPENING', 'CONNECTED', 'CONNECTED']) say({ kind: 'socket', state });
  await expect.poll(() => told).toEqual(['connected', 'line back']);
  for (const state of ['TIMEOUT', 'OPENING', 'CONNECTED']) say({ kind: 'socket', state });
  await expect.poll(() => told).toEqual(['connected', 'line back', 'line back']);
  stop.abort();
  await ended;
});

it('ends the connection of a document when another one is ready, also if nothing was heard of its end (F3)', async () => {
  const { life, told, signals, connected, say } = makeLife(async () => undefined);
  const stop = new AbortController();
  const ended = life.run(stop.signal);
  say(READY);
  await connected;
  say({ ...READY });
  await expect.poll(() => told).toEqual(['connected', 'connected']);
  const areOver = signals.map(({ aborted }) => aborted);
  // Before anything is judged: a life goes on for as long as nobody stops it.
  stop.abort();
  await ended;
  expect(areOver).toEqual([true, false]);
});

it('drops what a phone tells whose link is refused', async () => {
  const { life, told, say } = makeLife(() => Promise.reject(new AppError('ALREADY_LINKED')));
  const ended = life.run(new AbortController().signal);
  say(reaction('1'));
  say(READY);
  expect(await ended).toMatchObject({ kind: 'fell', reason: 'already_linked' });
  expect(told).toEqual([]);
});

const linked = async () => undefined;
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
const forEver = () => new Promise<never>(() => undefined);

it('hears of the death of its browser while the page hangs (A10, F8)', async () => {
  const { life, connected, say } = makeLife(linked, { probe: forEver });
  const ended = life.run(new AbortController().signal);
  say(READY);
  await connected;
  say({ kind: 'ended', reason: 'page_crashed', error: new Error('gone') });
  expect(await ended).toMatchObject({ kind: 'fell', reason: 'page_crashed' });
});

it('takes a page for unresponsive that answers neither of two questions (F9)', async () => {
  let asked = 0;
  const probe = async () => {
    asked += 1;
    throw new AppError('SESSION_DEADLINE');
  };
  const { life, say } = makeLife(linked, { probe });
  const ended = life.run(new AbortController().signal);
  say(READY);
  expect(await ended).toMatchObject({ kind: 'fell', reason: 'page_unresponsive' });
  expect(asked).toBe(2);
});

it('names the death of the browser, not the answer that it cut off (F7)', async () => {
  const { life, say } = makeLife(linked, {
    probe: async () => {
      say({ kind: 'ended', reason: 'browser_died', error: new Error('gone') });
      throw new Error('Target closed');
    },
  });
  const ended = life.run(new AbortController().signal);
  say(READY);
  expect(await ended).toMatchObject({ kind: 'fell', reason: 'browser_died' });
});

it('ends a browser that has grown beyond the limit', async () => {
  const { life, say } = makeLife(linked, { measureMemory: async () => 1_000 });
  const ended = life.run(new AbortController().signal);
  say(READY);
  expect(await ended).toMatchObject({ kind: 'fell', reason: 'memory_exceeded' });
});

it('says once that a page needs more memory than it should, and does not recycle it for that', async () => {
  let measured = 0;
  const enough = Promise.withResolvers<void>();
  const measureMemory = async () => {
    measured += 1;
    if (measured === 4) enough.resolve();
    return 600;
  };
  const { life, say, log } = makeLife(linked, { measureMemory });
  const stop = new AbortController();
  const ended = life.run(stop.signal);
  say(READY);
  await enough.promise;
  stop.abort();
  expect(await ended).toEqual({ kind: 'stopped' });
  expect(log.lines).toMatchObject([{ level: 'warn', fields: { memoryBytes: 600, softBytes: 500 } }]);
});

it('counts as connected only the longest time on end that its line was up', async () => {
  const { life, say, connected, clock, facts } = makeLife(linked, { probe: forEver, measureMemory: forEver });
  const ended = life.run(new AbortController().signal);
  say(READY);
  await connected;
  clock.advance(100_000);
  say({ kind: 'socket', state: 'OPENING' });
  const told = async (fact: string) => expect.poll(() => facts).toContain(fact);
  await nextTurn();
  clock.advance(DEFAULT_TIMINGS.lineGraceMs);
  say({ kind: 'socket', state: 'OPENING' });
  await told('line-lost');
  clock.advance(30_000);
  say({ kind: 'socket', state: 'CONNECTED' });
  await told('line-back');
  clock.advance(40_000);
  say({ kind: 'ended', reason: 'browser_died', error: new Error('gone') });
  expect(await ended).toMatchObject({ connectedMs: 100_000 });
});

it('takes no passkey for the end of a link that there is', async () => {
  const { life, facts, say, connected } = makeLife(linked, {}, { isLinked: true });
  const stop = new AbortController();
  const ended = life.run(stop.signal);
  say({ kind: 'passkey' });
  say({ kind: 'socket', state: 'CONNECTED' });
  say(READY);
  await connected;
  expect(facts).toEqual(['link-up']);
  stop.abort();
  expect(await ended).toEqual({ kind: 'stopped' });
});

it('waits with the page open when WhatsApp asks for a passkey, and goes on when the phone answers (A24)', async () => {
  const { life, facts, say, connected } = makeLife(linked, {}, { isLinked: false });
  const stop = new AbortController();
  const ended = life.run(stop.signal);
  say({ kind: 'qr', text: 'a code' });
  say({ kind: 'passkey' });
  say({ kind: 'socket', state: 'PAIRING' });
  say({ kind: 'socket', state: 'CONNECTED' });
  say(READY);
  await connected;
  expect(facts).toEqual(['code-shown', 'passkey-asked', 'code-answered', 'link-up']);
  stop.abort();
  expect(await ended).toEqual({ kind: 'stopped' });
  expect(facts.at(-1)).toBe('stop-wanted');
});

it.each<[string, ClientEvent]>([
  ['gives up', { kind: 'ended', reason: 'qr_given_up', error: new Error('nobody') }],
  ['falls', { kind: 'ended', reason: 'browser_died', error: new Error('gone') }],
])('takes back the code that it showed when it %s', async (_title, end) => {
  const { life, say, qrs } = makeLife(linked, {}, { isLinked: false });
  const ended = life.run(new AbortController().signal);
  say({ kind: 'qr', text: 'a code' });
  say(end);
  await ended;
  expect(qrs).toEqual(['a code', null]);
});

it.each<[string, readonly ClientEvent[], string]>([
  ['there is no page', [], 'page_unreachable'],
  ['its page is none of WhatsApp', [{ kind: 'document' }], 'launch_failed'],
  [
    'its page comes no further',
    [{ kind: 'document' }, { kind: 'socket', state: 'OPENING' }],
    'start_overdue',
  ],
])('tells why a start is overdue: %s (A5, F12, F13)', async (_title, events, reason) => {
  const { life, say, clock } = makeLife(linked);
  for (const event of events) say(event);
  clock.advance(DEFAULT_TIMINGS.startDeadlineMs);
  expect(await life.run(new AbortController().signal)).toMatchObject({ kind: 'fell', reason });
});

it('gives a page that is loaded anew while it shows a code the time of a start to show another (F14)', async () => {
  const { life, say, clock, qrs } = makeLife(linked, { checkLevel: forEver }, { isLinked: false });
  const ended = life.run(new AbortController().signal);
  const loadAnew = async () => {
    say({ kind: 'document' });
    await nextTurn();
  };
  say({ kind: 'socket', state: 'UNPAIRED' });
  for (const text of ['a code', 'another']) {
    await loadAnew();
    clock.advance(DEFAULT_TIMINGS.startDeadlineMs - 1);
    say({ kind: 'socket', state: 'UNPAIRED' });
    say({ kind: 'qr', text });
    await nextTurn();
  }
  expect(qrs).toEqual(['a code', 'another']);
  await loadAnew();
  clock.advance(DEFAULT_TIMINGS.startDeadlineMs);
  await loadAnew();
  expect(await ended).toMatchObject({ kind: 'fell', reason: 'launch_failed' });
});
