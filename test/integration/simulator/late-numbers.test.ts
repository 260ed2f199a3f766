import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Phone, type Simulator, startSimulator } from '../../../simulator/client.ts';
import { DrivenClient, Profile } from './driven-client.ts';

let simulator: Simulator;
let profile: Profile;
let driven: DrivenClient;
let shop: Phone;
let alice: Phone;
let bob: Phone;

beforeAll(async () => {
  simulator = await startSimulator();
  profile = await Profile.open();
  const { world } = simulator;
  shop = await world.phone('shop', { addresses: 'lid' });
  alice = await world.phone('alice');
  bob = await world.phone('bob');
  await world.faults.set({ kind: 'lookup', mode: 'late-lid', phone: 'shop' });
  driven = await new DrivenClient(simulator, profile).link(shop);
});

afterAll(async () => {
  await driven[Symbol.asyncDispose]();
  await profile[Symbol.asyncDispose]();
  await simulator[Symbol.asyncDispose]();
});

const lidOf = (phone: Phone) => `${phone.lid}@lid`;
const addressesOf = async (address: string) => (await driven.client.getContactLidAndPhone([address]))[0];

/** What the page itself says of the number behind an address. */
const numberOf = (phone: Phone) =>
  driven.evaluate(`window.require('WAWebLidMigrationUtils').toPn('${lidOf(phone)}')?._serialized ?? null`);

it('knows somebody new by the LID alone, also when the library asks for the number (A16)', async () => {
  await alice.send(shop, 'who am I?');
  const message = await driven.events.message('who am I?');
  expect(message.from).toBe(lidOf(alice));
  expect(await addressesOf(lidOf(alice))).toEqual({ lid: lidOf(alice), pn: undefined });
  expect(await numberOf(alice)).toBeNull();
  const contact = await message.getContact();
  expect(contact.id._serialized).toBe(lidOf(alice));
});

it('keeps that over a restart', async () => {
  await driven[Symbol.asyncDispose]();
  driven = await new DrivenClient(simulator, profile).start();
  await alice.send(shop, 'still me');
  expect((await driven.events.message('still me')).from).toBe(lidOf(alice));
  expect(await numberOf(alice)).toBeNull();
});

it('learns both addresses of a number that it asks for, and writes into the chat of the LID', async () => {
  await bob.send(shop, 'from bob');
  await driven.events.message('from bob');
  expect(await numberOf(bob)).toBeNull();
  expect(await driven.client.getNumberId(bob.number)).toMatchObject({ _serialized: lidOf(bob) });
  expect(await numberOf(bob)).toBe(bob.jid);
  const sent = await driven.client.sendMessage(bob.jid, 'by number', { sendSeen: false });
  expect(sent.to).toBe(lidOf(bob));
  expect(await numberOf(alice)).toBeNull();
});

it('is told the numbers later: the same chats, and contacts that have both', async () => {
  await simulator.world.faults.clear();
  await alice.send(shop, 'now you know');
  const message = await driven.events.message('now you know');
  expect(message.from).toBe(lidOf(alice));
  expect(await addressesOf(lidOf(alice))).toEqual({ lid: lidOf(alice), pn: alice.jid });
  expect((await message.getContact()).id._serialized).toBe(alice.jid);
  expect((await driven.client.getChats()).map(({ id }) => id._serialized).sort()).toEqual(
    [lidOf(alice), lidOf(bob)].sort(),
  );
});
