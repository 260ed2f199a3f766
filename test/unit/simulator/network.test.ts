import { describe, expect, it } from 'vitest';
import type { Account } from '../../../simulator/network/account.ts';
import type { DeviceLine, LinkedDevice } from '../../../simulator/network/device.ts';
import { Network } from '../../../simulator/network/network.ts';
import type { Delivery, ServerFrame, WireMessage } from '../../../simulator/protocol.ts';

/** A page that keeps what it is sent and receipts nothing by itself. */
class SilentPage implements DeviceLine {
  readonly tab: string;
  readonly frames: ServerFrame[] = [];

  constructor(tab = 'tab') {
    this.tab = tab;
  }
  send(frame: ServerFrame): void {
    this.frames.push(frame);
  }
  close(): void {
    this.frames.length = 0;
  }
  get deliveries(): Delivery[] {
    return this.frames.flatMap((frame) => (frame.type === 'deliver' ? frame.items : []));
  }
  get messageIds(): string[] {
    return this.deliveries.flatMap(({ envelope }) =>
      envelope.kind === 'message' ? [envelope.message.id] : [],
    );
  }
}

const flushed = () => new Promise((resolve) => setImmediate(resolve));

function openWorld(): {
  network: Network;
  shop: Account;
  alice: Account;
  device: LinkedDevice;
  page: SilentPage;
} {
  const network = new Network();
  network.settings = { ...network.settings, deliveryMs: 0 };
  const shop = network.directory.openAccount('shop', {});
  const alice = network.directory.openAccount('alice', {});
  const device = network.addDevice(shop, {});
  const page = new SilentPage();
  device.attach(page);
  device.release();
  return { network, shop, alice, device, page };
}

function text(from: Account, to: Account, id: string): WireMessage {
  return { id, from: from.pn, to: { user: to.pn }, t: 1, attrs: { type: 'chat', body: id } };
}

describe('the network', () => {
  it('hands a message to a device until it is receipted, and never after', async () => {
    const { network, shop, alice, device, page } = openWorld();
    network.carry({ account: alice, device: null }, text(alice, shop, 'm1'));
    network.carry({ account: alice, device: null }, text(alice, shop, 'm2'));
    await flushed();
    expect(page.messageIds).toEqual(['m1', 'm2']);
    device.receipt([page.deliveries[0]?.seq ?? -1]);
    const next = new SilentPage();
    device.detach(page);
    device.attach(next);
    device.release();
    await flushed();
    expect(next.messageIds).toEqual(['m2']);
    expect(network.ledger.find('m2')?.carried.devices[device.id]).toEqual({
      deliveries: 2,
      receiptedAt: null,
    });
    network.timers.clear();
  });

  it('carries an id once, and counts how often it was handed in', async () => {
    const { network, shop, alice, device } = openWorld();
    const origin = { account: shop, device };
    expect(network.carry(origin, text(shop, alice, 'm1'))).toBe(true);
    expect(network.carry(origin, text(shop, alice, 'm1'))).toBe(false);
    expect(network.ledger.find('m1')?.carried.submissions).toBe(2);
    expect(network.ledger.counters()).toMatchObject({ carried: 1, resubmitted: 1 });
    network.timers.clear();
  });

  it('does not give a message back to the device that sent it', async () => {
    const { network, shop, alice, device, page } = openWorld();
    const other = network.addDevice(shop, {});
    const otherPage = new SilentPage();
    other.attach(otherPage);
    other.release();
    network.carry({ account: shop, device }, text(shop, alice, 'm1'));
    await flushed();
    expect([page.messageIds, otherPage.messageIds]).toEqual([[], ['m1']]);
    network.timers.clear();
  });

  it('raises a group message to ack 2 when the last member has it, to 3 when the last has read it', () => {
    const { network, shop, alice } = openWorld();
    const bob = network.directory.openAccount('bob', { online: false });
    network.putGroup({
      id: '1',
      subject: 'g',
      owner: shop.pn,
      participants: [shop, alice, bob].map(({ pn }) => ({ pn, admin: false })),
      announce: false,
      createdAt: 0,
    });
    const message = { ...text(shop, alice, 'm1'), to: { group: '1' } };
    network.carry({ account: shop, device: null }, message);
    network.read(alice, { group: '1' }, null);
    const ack = () => network.ledger.find('m1')?.carried.ack;
    expect(ack()).toBe(1);
    network.read(bob, { group: '1' }, null);
    expect(ack()).toBe(3);
    network.timers.clear();
  });

  it('reaches a phone that was off when it is on again', async () => {
    const { network, shop, alice } = openWorld();
    alice.online = false;
    network.carry({ account: shop, device: null }, text(shop, alice, 'm1'));
    expect(network.ledger.find('m1')?.carried.deliveredTo).toEqual({});
    alice.online = true;
    network.arriveLate(alice);
    await new Promise<void>((resolve) => network.changes.once('changed', resolve));
    expect(network.ledger.find('m1')?.carried.ack).toBe(2);
  });

  it('counts a second browser, but not the same tab after a reload', () => {
    const { device } = openWorld();
    device.attach(new SilentPage('tab'));
    expect([device.overlaps, device.maxLines]).toEqual([0, 1]);
    const displaced = device.attach(new SilentPage('another'));
    expect([device.overlaps, device.maxLines, displaced?.tab]).toEqual([1, 2, 'tab']);
  });
});
