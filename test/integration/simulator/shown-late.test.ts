import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Phone, type Simulator, startSimulator } from '../../../simulator/client.ts';
import { DrivenClient, Profile } from './driven-client.ts';

let simulator: Simulator;
let profile: Profile;
let driven: DrivenClient;
let shop: Phone;
let alice: Phone;

beforeAll(async () => {
  simulator = await startSimulator();
  // On a busy machine the library is slow to listen; this is not about who comes too late (F26).
  await simulator.world.settings({ syncMs: 2_500 });
  profile = await Profile.open();
  shop = await simulator.world.phone('shop');
  alice = await simulator.world.phone('alice');
  await using first = new DrivenClient(simulator, profile);
  await first.link(shop);
});

beforeEach(async () => {
  driven = await new DrivenClient(simulator, profile).start();
});

afterEach(async () => {
  await driven[Symbol.asyncDispose]();
  await simulator.world.faults.clear();
});

afterAll(async () => {
  await profile[Symbol.asyncDispose]();
  await simulator[Symbol.asyncDispose]();
});

/** The texts that the page's own store has of alice's chat, oldest first. */
async function readBack(limit: number): Promise<string[]> {
  const chat = await driven.client.getChatById(alice.jid);
  return (await chat.fetchMessages({ limit })).map(({ body }) => body);
}

describe('a page that holds what it receipts', () => {
  it('shows it later, in order and as fast as it can', async () => {
    await shop.page({ do: 'hold' });
    const { ids } = await simulator.world.burst({
      from: ['alice', 'bob'],
      to: shop,
      count: 1_500,
      text: 'held',
    });
    await simulator.world.waitFor({ drained: 'shop' });
    expect(driven.events.texts()).toEqual([]);
    await shop.page({ do: 'show' });
    await alice.send(shop, 'the first after it');
    await driven.events.message('the first after it');
    expect(driven.events.texts()).toEqual([...ids.map((_, n) => `held ${n + 1}`), 'the first after it']);
  });

  it('loses it for whoever listens when it is killed then, and has it in its store (A14, F7)', async () => {
    await shop.page({ do: 'hold' });
    const { id } = await alice.send(shop, 'durable, never shown');
    await simulator.world.waitFor({ receipted: id, phone: 'shop' });
    driven.client.pupBrowser?.process()?.kill('SIGKILL');
    await simulator.world.waitFor({ away: 'shop' });
    await driven[Symbol.asyncDispose]();
    driven = await new DrivenClient(simulator, profile).start();
    await simulator.world.waitFor({ synced: 'shop' });
    await alice.send(shop, 'after it');
    await driven.events.message('after it');
    expect(driven.events.texts()).toEqual(['after it']);
    expect((await readBack(2)).slice(-2)).toEqual(['durable, never shown', 'after it']);
  });
});

it('never tells of what a page receipted just before it loaded itself anew (A14, F4)', async () => {
  const { id: fault } = await simulator.world.faults.set({ kind: 'receipt', mode: 'reload', count: 1 });
  const { id } = await alice.send(shop, 'receipted, then gone');
  await simulator.world.waitFor({ fault, struck: 1 });
  await simulator.world.waitFor({ receipted: id, phone: 'shop' });
  let count = 0;
  await driven.events.when('ready', () => ++count === 2);
  await alice.send(shop, 'in the new document');
  await driven.events.message('in the new document');
  expect(driven.events.texts()).toEqual(['in the new document']);
  expect((await readBack(2)).slice(-2)).toEqual(['receipted, then gone', 'in the new document']);
  expect((await simulator.world.message(id)).devices).toMatchObject({
    [`${shop.number}:1`]: { deliveries: 1 },
  });
});
