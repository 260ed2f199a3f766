import { describe, expect, it } from 'vitest';
import type { Account } from '../../../simulator/network/account.ts';
import { makeLook } from '../../../simulator/network/conditions.ts';
import { LinkDesk } from '../../../simulator/network/linking.ts';
import { Network } from '../../../simulator/network/network.ts';
import type { ChatRef, WireMessage } from '../../../simulator/protocol.ts';

function openWorld(names: readonly string[]): { network: Network; accounts: Account[] } {
  const network = new Network();
  const accounts = names.map((name) => network.directory.openAccount(name, { online: false }));
  return { network, accounts };
}

function message(from: Account, to: ChatRef, id: string): WireMessage {
  return { id, from: from.pn, to, t: 1, attrs: { type: 'chat', body: id } };
}

function write(network: Network, from: Account, to: Account, id: string): void {
  network.carry({ account: from, device: null }, message(from, { user: to.pn }, id));
}

const idsOf = (page: { messages: readonly { id: string }[] }) => page.messages.map(({ id }) => id);

describe('the ledger', () => {
  it('tells the truth a page at a time, of all or of one phone', () => {
    const { network, accounts } = openWorld(['shop', 'alice', 'bob']);
    const [shop, alice, bob] = accounts as [Account, Account, Account];
    write(network, alice, shop, 'm1');
    write(network, alice, bob, 'm2');
    write(network, shop, bob, 'm3');
    write(network, bob, alice, 'm4');
    const first = network.ledger.page({ after: 0, limit: 3 });
    expect([idsOf(first), first.next]).toEqual([['m1', 'm2', 'm3'], 3]);
    const last = network.ledger.page({ after: first.next ?? 0, limit: 3 });
    expect([idsOf(last), last.next]).toEqual([['m4'], null]);
    const ofShop = network.ledger.page({ after: 1, limit: 10, pn: shop.pn });
    expect([idsOf(ofShop), ofShop.next]).toEqual([['m3'], null]);
  });

  it('puts what a device receipts into the order of the receipts', () => {
    const { network, accounts } = openWorld(['shop', 'alice']);
    const [shop, alice] = accounts as [Account, Account];
    for (const id of ['m1', 'm2', 'm3']) write(network, alice, shop, id);
    for (const id of ['m2', 'm1', 'm2', 'm3']) network.ledger.receipted('device', id);
    const places = network.ledger.entries().map(({ carried }) => carried.devices.device?.place ?? 0);
    const ids = network.ledger.entries().map(({ carried }) => carried.id);
    expect(ids.toSorted((a, b) => (places[ids.indexOf(a)] ?? 0) - (places[ids.indexOf(b)] ?? 0))).toEqual([
      'm2',
      'm1',
      'm3',
    ]);
    expect(network.ledger.counters()).toMatchObject({ carried: 3, receipts: 3 });
  });

  it('reads, first contacts and waits look at what is new, at 50,000 messages too', {
    timeout: 60_000,
  }, () => {
    const { network, accounts } = openWorld(['shop', 'alice', 'bob']);
    const [shop, alice, bob] = accounts as [Account, Account, Account];
    const isThere = makeLook(network, new LinkDesk(network), {
      message: { from: 'alice', text: 'm49999' },
    });
    let reads = 0;
    for (let n = 0; n < 50_000; n += 1) {
      write(network, n % 2 === 0 ? bob : alice, shop, `m${n}`);
      if (n % 5 !== 0) continue;
      reads += network.read(shop, { user: alice.pn }, null);
      expect(network.ledger.hasWritten(shop.pn, alice.pn)).toBe(false);
      expect(isThere()).toBe(false);
    }
    expect(reads + network.read(shop, { user: alice.pn }, null)).toBe(25_000);
    expect(isThere()).toBe(true);
    expect(network.ledger.counters().carried).toBe(50_000);
  });

  it('lets only members read a group, and those who were off have what waited', async () => {
    const { network, accounts } = openWorld(['shop', 'alice', 'bob']);
    const [shop, alice, bob] = accounts as [Account, Account, Account];
    network.settings = { ...network.settings, deliveryMs: 0 };
    network.putGroup({
      id: '1',
      subject: 'g',
      owner: shop.pn,
      participants: [shop, alice].map(({ pn }) => ({ pn, admin: false })),
      announce: false,
      createdAt: 0,
    });
    network.carry({ account: shop, device: null }, message(shop, { group: '1' }, 'm1'));
    expect(network.read(bob, { group: '1' }, null)).toBe(0);
    alice.online = true;
    network.arriveLate(alice);
    await new Promise<void>((resolve) => network.changes.once('changed', resolve));
    expect(network.ledger.find('m1')?.carried.ack).toBe(2);
    expect([1, 2].map(() => network.read(alice, { group: '1' }, null))).toEqual([1, 0]);
    expect(network.ledger.find('m1')?.carried.ack).toBe(3);
  });
});
