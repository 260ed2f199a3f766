import { beforeEach, expect, it } from 'vitest';
import {
  DRAGS_AFTER_MS,
  type Flight,
  type FlightWish,
  SendFlights,
} from '../../../src/messages/send-flights.ts';

let flights: SendFlights;
let ends: { readonly names: readonly string[]; readonly error: Error | undefined }[];

beforeEach(() => {
  ends = [];
  flights = new SendFlights(({ names }, error) => void ends.push({ names: [...names], error }));
});

/** A flight that ends when it is told to. */
function start(chatId: string, options: Partial<FlightWish> = {}) {
  const work = Promise.withResolvers<void>();
  let begun: Flight | undefined;
  const wish = { kind: 'send', isHeavy: false, isRetry: false, startedAt: 0, ...options, chatId } as const;
  flights.start(wish, (flight) => {
    begun = flight;
    return work.promise;
  });
  return { flight: begun as Flight, end: work.resolve, fail: work.reject };
}

it('says what is under way', async () => {
  const text = start('a@c.us');
  const file = start('b@c.us', { isHeavy: true });
  start('c@c.us', { kind: 'check' });
  expect([flights.size, flights.count('send'), flights.count('check')]).toEqual([3, 2, 1]);
  expect(flights.names()).toEqual(['a@c.us', 'b@c.us', 'c@c.us']);
  expect(flights.load(0)).toEqual({ sends: 2, unclaimed: 2, isHeavy: true });
  text.flight.stage = 'claimed';
  expect(flights.load(0).unclaimed).toBe(1);
  file.end();
  await file.flight.resolved.promise;
  expect([flights.size, flights.load(0).isHeavy]).toEqual([2, false]);
});

it('counts a look-up that drags on for nothing, until it has been answered', async () => {
  const [first] = [start('a@c.us', { isHeavy: true }), start('b@c.us', { startedAt: 1 })];
  const nothing = { sends: 0, unclaimed: 0, isHeavy: false };
  expect(flights.nextDragAt(0)).toBe(DRAGS_AFTER_MS);
  expect(flights.load(DRAGS_AFTER_MS)).toEqual({ ...nothing, sends: 1, unclaimed: 1 });
  expect(flights.nextDragAt(DRAGS_AFTER_MS)).toBe(DRAGS_AFTER_MS + 1);
  expect(flights.load(DRAGS_AFTER_MS + 1)).toEqual(nothing);
  expect(flights.nextDragAt(DRAGS_AFTER_MS + 1)).toBeUndefined();
  await flights.resolve(first.flight, ['a@c.us']);
  expect(flights.load(1e9)).toEqual({ sends: 1, unclaimed: 1, isHeavy: true });
  expect([flights.size, flights.count('send')]).toEqual([2, 2]);
});

it('counts a retry until its message is claimed', () => {
  const { flight } = start('a@c.us', { isRetry: true });
  start('b@c.us');
  expect(flights.retries).toBe(1);
  flights.claim(flight);
  expect(flights.retries).toBe(0);
});

it('tells of each end and of what it ended with', async () => {
  const [good, bad] = [start('a@c.us'), start('b@c.us')];
  const error = new Error('of the database');
  good.end();
  bad.fail(error);
  await flights.idle();
  expect(ends).toEqual([
    { names: ['a@c.us'], error: undefined },
    { names: ['b@c.us'], error },
  ]);
});

it('lets the earlier of two go on that turn out to go to one chat (A16)', async () => {
  const [first, second] = [start('7@lid'), start('49@c.us')];
  const later = flights.resolve(second.flight, ['49@c.us']);
  expect(await flights.resolve(first.flight, ['49@c.us'])).toBe(true);
  expect(await later).toBe(false);
});

it('lets the later one go on once the earlier has ended, or goes elsewhere (A16)', async () => {
  const [first, second, third] = [start('7@lid'), start('8@lid'), start('49@c.us')];
  const later = flights.resolve(third.flight, ['49@c.us']);
  await flights.resolve(first.flight, ['50@c.us']);
  second.end();
  expect(await later).toBe(true);
});

it.each([
  ['whose LID is known to be another', ['49@c.us', '9@lid']],
  ['that is a group', ['1@g.us']],
])('does not wait for an earlier LID with a chat %s (A16)', async (_title, names) => {
  start('7@lid');
  const second = start(names[0] ?? '');
  expect(flights.isBehindLid(second.flight)).toBe(true);
  expect(await flights.resolve(second.flight, names)).toBe(true);
});

it('lets a chat not go on whose LID an earlier one goes to (A16)', async () => {
  start('7@lid');
  const second = start('49@c.us');
  expect(await flights.resolve(second.flight, ['49@c.us', '7@lid'])).toBe(false);
});

it('does not wait for an earlier one whose chat is called by its number', async () => {
  start('50@c.us');
  const second = start('49@c.us');
  expect(await flights.resolve(second.flight, ['49@c.us'])).toBe(true);
});

it('counts one that waits behind a LID for nothing, until it need not wait any more (A16)', async () => {
  let room = 0;
  flights = new SendFlights(
    () => undefined,
    () => (room += 1),
  );
  const [first, second] = [start('7@lid'), start('49@c.us')];
  const later = flights.resolve(second.flight, ['49@c.us']);
  expect([flights.load(0), room]).toEqual([{ sends: 1, unclaimed: 1, isHeavy: false }, 1]);
  await flights.resolve(first.flight, ['50@c.us']);
  expect(await later).toBe(true);
  expect(flights.load(0).sends).toBe(2);
});

it('lets a file not go on whose look-up dragged on while another one began to move (A18)', async () => {
  const [first, second] = [start('1@c.us', { isHeavy: true }), start('2@c.us', { isHeavy: true })];
  expect(await flights.resolve(second.flight, ['2@c.us'])).toBe(true);
  expect(await flights.resolve(first.flight, ['1@c.us'])).toBe(false);
});
