import { expect, it } from 'vitest';
import { LinkDesk, type WaitingPage } from '../../../simulator/network/linking.ts';
import { Network } from '../../../simulator/network/network.ts';
import type { ServerFrame } from '../../../simulator/protocol.ts';

const KEYS = { noise: 'bm9pc2U=', identity: 'aWQ=', advSecret: 'c2VjcmV0' };

function openDesk(): {
  network: Network;
  desk: LinkDesk;
  page: WaitingPage;
  frames: ServerFrame[];
  qr: () => string;
} {
  const network = new Network();
  network.settings = { ...network.settings, qrCount: 2 };
  const desk = new LinkDesk(network);
  const frames: ServerFrame[] = [];
  const page: WaitingPage = { keys: KEYS, loginKey: {}, send: (frame) => frames.push(frame) };
  desk.open(page);
  const qr = () => `${desk.waiting[0]?.ref},${KEYS.noise},${KEYS.identity},${KEYS.advSecret},1`;
  return { network, desk, page, frames, qr };
}

it('links the phone that scans the QR shown now, and closes the desk', () => {
  const { network, desk, frames, qr } = openDesk();
  const shop = network.directory.openAccount('shop', {});
  expect(desk.scan(shop, qr())).toEqual({ linked: true });
  expect(frames.at(-1)).toMatchObject({ type: 'paired', phone: 'shop', me: { pn: shop.pn } });
  expect([shop.devices.size, desk.waiting]).toEqual([1, []]);
  network.timers.clear();
});

it('refuses a QR that is malformed, gone, or of other keys', () => {
  const { network, desk, qr } = openDesk();
  const shop = network.directory.openAccount('shop', {});
  const shown = qr();
  expect(() => desk.scan(shop, 'x')).toThrow('not a linking QR');
  expect(() => desk.scan(shop, shown.replace(KEYS.identity, 'b3RoZXI='))).toThrow('keys of the QR');
  desk.rotate();
  expect(() => desk.scan(shop, shown)).toThrow('no longer valid');
  network.timers.clear();
});

it('tells the page when its references are used up', () => {
  const { network, desk, frames } = openDesk();
  desk.rotate();
  desk.rotate();
  expect(frames.map(({ type }) => type)).toEqual(['ref', 'ref', 'refs-ended']);
  expect(desk.waiting[0]?.ref).toBeNull();
  network.timers.clear();
});

it('refuses a fifth device', () => {
  const { network, desk, page, qr } = openDesk();
  const shop = network.directory.openAccount('shop', {});
  for (let i = 0; i < 4; i += 1) {
    desk.scan(shop, qr());
    desk.open(page);
  }
  expect(() => desk.scan(shop, qr())).toThrow('has 4 linked devices');
  network.timers.clear();
});

it('takes a pairing code only from the number it was asked for', () => {
  const { network, desk, page } = openDesk();
  const shop = network.directory.openAccount('shop', { number: '15550000001' });
  const other = network.directory.openAccount('other', {});
  const code = String(desk.requestCode(page, '+1 555 000 0001'));
  expect(code).toMatch(/^[1-9A-HJ-NP-TV-Z]{8}$/);
  expect(() => desk.enterCode(other, code)).toThrow('was asked for by 15550000001');
  expect(desk.enterCode(shop, `${code.slice(0, 4)}-${code.slice(4)}`.toLowerCase())).toEqual({
    linked: true,
  });
  network.timers.clear();
});

it('gives no pairing code, or no answer, where that is wished', () => {
  const { network, desk, page } = openDesk();
  network.directory.openAccount('shop', { number: '15550000001' });
  network.faults.set({ kind: 'pairing-code', mode: 'refuse', phone: 'shop', count: 1 });
  network.faults.set({ kind: 'pairing-code', mode: 'hang', phone: 'shop', count: 1 });
  expect(desk.requestCode(page, '15550000002')).toHaveLength(8);
  expect(() => desk.requestCode(page, '15550000001')).toThrow('too many codes');
  expect(desk.requestCode(page, '15550000001')).toBeUndefined();
  expect(desk.requestCode(page, '15550000001')).toHaveLength(8);
  network.timers.clear();
});
