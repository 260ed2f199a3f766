import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { Message } from 'whatsapp-web.js';
import { type FaultSpec, type Phone, type Simulator, startSimulator } from '../../../simulator/client.ts';
import { DrivenClient, Profile } from './driven-client.ts';

const resources = new AsyncDisposableStack();
let simulator: Simulator;
let profile: Profile;
let shop: Phone;
let alice: Phone;

beforeAll(async () => {
  simulator = resources.use(await startSimulator());
  profile = resources.use(await Profile.open());
  shop = await simulator.world.phone('shop');
  alice = await simulator.world.phone('alice');
  await using driven = new DrivenClient(simulator, profile);
  await driven.link(shop);
});
afterAll(() => resources.disposeAsync());
afterEach(() => simulator.world.faults.clear());

const start = () => new DrivenClient(simulator, profile).start();
const burst = (text: string, count: number, rest: { rate?: number; background?: boolean } = {}) =>
  simulator.world.burst({ from: ['alice', 'bob'], to: shop, count, text, ...rest });

/** The bare ids of which the library told, of messages that begin so. */
const toldOf = (driven: DrivenClient, text: string) =>
  driven.events
    .of('message')
    .map(([message]) => message as Message)
    .filter(({ body }) => body.startsWith(text))
    .map(({ id }) => id.id);

/** How many of these the page has receipted: the network sends none of them again. */
async function countReceipted(ids: readonly string[]): Promise<number> {
  await simulator.world.waitFor({ drained: 'shop' });
  const { messages } = await simulator.world.truth();
  const sent = messages.filter(({ id }) => ids.includes(id));
  return sent.filter(({ devices }) => Object.values(devices).every((each) => each.receiptedAt !== null))
    .length;
}

it.each<[string, FaultSpec]>([
  ['between the connection and the sync (M1)', { kind: 'offline', mode: 'before-sync' }],
  ['right at the sync (M2)', { kind: 'offline', mode: 'after-sync', delayMs: 0 }],
])('tells of none of a hundred messages that were queued and are delivered %s', async (title, fault) => {
  const { ids } = await burst(title, 100);
  await simulator.world.faults.set(fault);
  await using driven = await start();
  expect(await countReceipted(ids)).toBe(100);
  await alice.send(shop, `after: ${title}`);
  await driven.events.message(`after: ${title}`);
  expect(toldOf(driven, title)).toEqual([]);
});

it('tells of all of a hundred that were queued and are delivered well after the sync (M3)', async () => {
  const { ids } = await burst('well after', 100);
  await simulator.world.faults.set({ kind: 'offline', mode: 'after-sync', delayMs: 2_000 });
  await using driven = await start();
  await driven.events.message('well after 100');
  expect(toldOf(driven, 'well after')).toEqual(ids);
});

it('loses some of those that come while it starts, and tells of none twice (M4)', async () => {
  const driven = new DrivenClient(simulator, profile);
  const { ids } = await burst('at a start', 900, { rate: 150, background: true });
  await driven.start();
  await using _ = driven;
  await driven.events.message('at a start 900');
  expect(await countReceipted(ids)).toBe(900);
  const told = toldOf(driven, 'at a start');
  expect(told.length).toBeLessThan(900);
  expect(told).toHaveLength(new Set(told).size);
});

it('tells of all that come while the line drops, once (M6)', async () => {
  await using driven = await start();
  const { ids } = await burst('over a drop', 300, { rate: 150, background: true });
  await driven.events.message('over a drop 50');
  await shop.page({ do: 'drop', ms: 700 });
  await driven.events.message('over a drop 300');
  expect(toldOf(driven, 'over a drop').toSorted()).toEqual(ids.toSorted());
});

it('tells of all that were queued while the line was down (M7)', async () => {
  await using driven = await start();
  await shop.page({ do: 'drop', ms: 1_500 });
  const { ids } = await burst('in the gap', 50);
  await driven.events.message('in the gap 50');
  expect(toldOf(driven, 'in the gap')).toEqual(ids);
});

it('tells of none that came while the browser was dead (M8)', async () => {
  const killed = await start();
  killed.client.pupBrowser?.process()?.kill('SIGKILL');
  await simulator.world.waitFor({ away: 'shop' });
  await killed[Symbol.asyncDispose]();
  const { ids } = await burst('to the dead', 20);
  await using driven = await start();
  expect(await countReceipted(ids)).toBe(20);
  await alice.send(shop, 'to the living');
  await driven.events.message('to the living');
  expect(toldOf(driven, 'to the dead')).toEqual([]);
});
