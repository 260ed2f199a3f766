import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Phone, type Simulator, startSimulator } from '../../../simulator/client.ts';
import { DrivenClient, Profile } from './driven-client.ts';

describe.each(['phone', 'lid'] as const)('contacts of a page that addresses by %s', (addresses) => {
  let simulator: Simulator;
  let profile: Profile;
  let driven: DrivenClient;
  let shop: Phone;
  let alice: Phone;
  let bob: Phone;

  beforeAll(async () => {
    simulator = await startSimulator();
    profile = await Profile.open();
    shop = await simulator.world.phone('shop', { addresses });
    alice = await simulator.world.phone('alice', { pushname: 'Alice W.' });
    bob = await simulator.world.phone('bob');
    await shop.saveContact(alice, 'Alice from the market');
    driven = await new DrivenClient(simulator, profile).link(shop);
  });

  afterAll(async () => {
    await driven[Symbol.asyncDispose]();
    await profile[Symbol.asyncDispose]();
    await simulator[Symbol.asyncDispose]();
  });

  const contactOf = async (phone: Phone) => {
    const { name, shortName, pushname, isMyContact } = await driven.client.getContactById(phone.jid);
    return { name, shortName, pushname, isMyContact };
  };

  it('have the name of the phone’s address book, known without a message, beside their own', async () => {
    const listed = (await driven.client.getContacts()).find(({ id }) => id._serialized === alice.jid);
    expect(listed).toMatchObject({ name: 'Alice from the market', isMyContact: true });
    expect(await contactOf(alice)).toEqual({
      name: 'Alice from the market',
      shortName: 'Alice',
      pushname: 'Alice W.',
      isMyContact: true,
    });
  });

  it('have no such name while they are not in it', async () => {
    await bob.send(shop, 'hello');
    await driven.events.message('hello');
    expect(await contactOf(bob)).toMatchObject({ name: undefined, pushname: 'bob', isMyContact: false });
  });

  it('change with the book and with the name that they give themselves', async () => {
    await shop.saveContact(bob, 'Bob, plumber');
    await simulator.world.waitFor({ drained: 'shop' });
    expect(await contactOf(bob)).toMatchObject({ name: 'Bob, plumber', pushname: 'bob', isMyContact: true });
    await bob.change({ pushname: 'Bobby' });
    await bob.send(shop, 'new name');
    await driven.events.message('new name');
    await shop.saveContact(bob, null);
    await simulator.world.waitFor({ drained: 'shop' });
    expect(await contactOf(bob)).toMatchObject({ name: undefined, pushname: 'Bobby', isMyContact: false });
    expect((await shop.view()).contacts).toEqual({ [alice.number]: 'Alice from the market' });
  });

  it('are the same after a restart', async () => {
    await driven[Symbol.asyncDispose]();
    driven = await new DrivenClient(simulator, profile).start();
    expect(await contactOf(alice)).toMatchObject({ name: 'Alice from the market', isMyContact: true });
    expect(await contactOf(bob)).toMatchObject({ name: undefined, pushname: 'Bobby' });
  });
});
