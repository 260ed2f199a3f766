import { expect, it } from 'vitest';
import type { Account } from '../../../../src/accounts/account.ts';
import type { AccountId } from '../../../../src/accounts/ids.ts';
import { type LifeDeps, SessionLife } from '../../../../src/channels/whatsapp-web/session-life.ts';
import type { ClientEvent } from '../../../../src/channels/whatsapp-web/whatsapp-client.ts';
import { DEFAULT_TIMINGS } from '../../../../src/config/session-timings.ts';
import { AppError } from '../../../../src/lib/errors.ts';
import type { InboundEvent } from '../../../../src/messages/inbound-event.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { silentLog } from '../../../support/silent-log.ts';

const ACCOUNT = { id: 'a' as AccountId, expectedPhoneNumber: null } as Account;
const IDENTITY = { wid: '491511111@c.us', phoneNumber: '+491511111', profileName: null };
const READY = { kind: 'ready', identity: IDENTITY, page: {} } as unknown as ClientEvent;

function reaction(emoji: string): ClientEvent {
  const key = { fromMe: false, chatId: '1@c.us', bareId: 'A', participant: null };
  const event: InboundEvent = { kind: 'reaction', key, chatId: '1@c.us', senderId: '1@c.us', emoji, at: 1 };
  return { kind: 'events', events: [event] };
}

/** A life over a client that says what the test says; `told` is what came out of it, in order. */
function makeLife(onLinked: LifeDeps['onLinked']) {
  const told: string[] = [];
  const connected = Promise.withResolvers<void>();
  const nothing = async () => undefined;
  let say: (event: ClientEvent) => void = () => undefined;
  const life = new SessionLife({
    account: ACCOUNT,
    clock: new ManualClock(),
    log: silentLog,
    timings: DEFAULT_TIMINGS,
    listener: {
      onEvents: (_id, events) =>
        told.push(...events.map((event) => (event.kind === 'reaction' ? event.emoji : ''))),
      onConnected: () => {
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
        refreshQr: nothing,
        logOut: nothing,
      };
    },
    isLinked: () => true,
    onSettled: () => undefined,
    onPhase: nothing,
    onQr: nothing,
    onLinked,
  });
  return { life, told, connected: connected.promise, say: (event: ClientEvent) => say(event) };
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

it('drops what a phone tells whose link is refused', async () => {
  const { life, told, say } = makeLife(() => Promise.reject(new AppError('ALREADY_LINKED')));
  const ended = life.run(new AbortController().signal);
  say(reaction('1'));
  say(READY);
  expect(await ended).toMatchObject({ kind: 'fell', reason: 'already_linked' });
  expect(told).toEqual([]);
});
