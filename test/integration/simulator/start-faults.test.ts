import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FaultSpec, type Phone, type Simulator, startSimulator } from '../../../simulator/client.ts';
import { DrivenClient, Profile } from './driven-client.ts';

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator();
});

afterAll(async () => {
  await simulator[Symbol.asyncDispose]();
});

afterEach(async () => {
  await simulator.world.faults.clear();
});

describe('a page that is not linked', () => {
  let profile: Profile;
  let driven: DrivenClient;
  let shop: Phone;

  beforeEach(async () => {
    profile = await Profile.open();
    driven = new DrivenClient(simulator, profile);
    shop = await simulator.world.phone('fresh');
  });

  afterEach(async () => {
    await driven[Symbol.asyncDispose]();
    await profile[Symbol.asyncDispose]();
    await shop.logoutDevice();
  });

  it('shows a new QR when the reference rotates, and only the latest links', async () => {
    await driven.client.initialize();
    const [first] = await driven.events.when('qr');
    await simulator.world.rotateQr();
    const [second] = await driven.events.when('qr', (qr: string) => qr !== first);
    await expect(shop.scan(String(first))).rejects.toThrow('no longer valid');
    await expect(shop.scan('hello')).rejects.toThrow('not a linking QR');
    expect(await shop.scan(String(second))).toEqual({ linked: true });
    await driven.events.when('ready');
  });

  it('falls silent when its QR references are used up, until the page is told to refresh (F24, A6)', async () => {
    await driven.client.initialize();
    // A page that has none yet tells one without a reference.
    await driven.events.when('qr', (qr: string) => !/^(null|undefined),/.test(qr));
    const shown = driven.events.of('qr').map(([qr]) => qr);
    await simulator.world.exhaustQr();
    await driven.evaluate(`new Promise((resolve) => {
      const { Socket } = window.require('WAWebSocketModel');
      const look = () => Socket.state === 'UNPAIRED_IDLE' && resolve();
      Socket.on('change:state', look);
      look();
    })`);
    expect(await driven.client.getState()).toBe('UNPAIRED_IDLE');
    expect(driven.events.of('qr')).toHaveLength(shown.length);
    await driven.evaluate(`window.require('WAWebCmd').Cmd.refreshQR()`);
    await driven.events.when('qr', (qr: string) => !shown.includes(qr));
  });

  it('gives up after its number of QR codes; another start shows one again (F25)', async () => {
    driven = new DrivenClient(simulator, profile, { qrMaxRetries: 1 });
    await driven.client.initialize();
    await driven.events.when('qr');
    await simulator.world.rotateQr();
    expect(await driven.events.when('disconnected')).toEqual(['Max qrcode retries reached']);
    await driven.client.destroy();
    await driven.client.initialize();
    await driven.events.when('qr', () => driven.events.of('qr').length === 3);
  });

  it('counts the QR codes of a link that was made to the next one, which is given up too soon (A7)', async () => {
    driven = new DrivenClient(simulator, profile, { qrMaxRetries: 2 });
    await driven.link(shop);
    await shop.logoutDevice();
    await driven.events.when('qr', () => driven.events.of('qr').length === 2);
    await driven.injected();
    expect(driven.events.of('disconnected')).toEqual([['LOGOUT']]);
    await simulator.world.rotateQr();
    await driven.events.when('disconnected', (reason: string) => reason === 'Max qrcode retries reached');
  });

  it('passes on a QR without a reference like any other', async () => {
    await driven.client.initialize();
    await driven.events.when('qr');
    await simulator.world.page({ do: 'null-ref' });
    await driven.events.when('qr', (qr: string) => qr.startsWith('null,'));
  });

  it("is given the phone's earlier messages as history, and tells of none", async () => {
    const old = await simulator.world.phone('old friend');
    await simulator.world.settings({ historyOnLink: 50 });
    await simulator.world.burst({ from: ['old friend'], to: shop, count: 30, text: 'years ago' });
    await driven.link(shop);
    await simulator.world.waitFor({ drained: 'fresh' });
    const chat = await driven.client.getChatById(old.jid);
    expect(await chat.fetchMessages({ limit: 100 })).toHaveLength(30);
    expect(driven.events.of('message')).toEqual([]);
    expect(chat.unreadCount).toBe(0);
    await simulator.world.settings({ historyOnLink: 0 });
  });

  it('links by a pairing code', async () => {
    driven = new DrivenClient(simulator, profile, {
      pairWithPhoneNumber: { phoneNumber: shop.number, showNotification: true, intervalMs: 180_000 },
    });
    await driven.client.initialize();
    const [code] = await driven.events.when('code');
    await expect((await simulator.world.phone('other')).enterCode(String(code))).rejects.toThrow(
      'was asked for by',
    );
    expect(await shop.enterCode(String(code))).toEqual({ linked: true });
    await driven.events.when('ready');
  });

  it('is linked only after the passkey that the network demands (A24)', async () => {
    await simulator.world.faults.set({ kind: 'passkey', mode: 'demand', count: 1 });
    await driven.client.initialize();
    const [qr] = await driven.events.when('qr');
    expect(await shop.scan(String(qr))).toEqual({ linked: false });
    await driven.client.pupPage?.waitForSelector('#passkey-prompt');
    expect(await shop.answerPasskey(true)).toEqual({ linked: true });
    await driven.events.when('ready');
  });

  it('is logged out unless the "What\'s new" dialog is acknowledged in time (A8)', async () => {
    await simulator.world.faults.set({ kind: 'whats-new', mode: 'demand', delayMs: 1500, count: 1 });
    await driven.link(shop);
    const [reason] = await driven.events.when('disconnected');
    expect(reason).toBe('LOGOUT');
    await driven.events.when('qr', (qr: string) => qr !== driven.events.of('qr')[0]?.[0]);
    await driven.injected();
    await simulator.world.waitFor({ unlinked: 'fresh' });
  });

  it('cannot be linked to a page that registers its modules after it has loaded (A1)', async () => {
    await simulator.world.faults.set({ kind: 'modules', mode: 'late', delayMs: 3_000, count: 1 });
    await expect(driven.client.initialize()).rejects.toThrow(/require is not a function|unknown module/);
    await simulator.world.waitFor({ qr: true });
    expect(driven.events.of('qr')).toEqual([]);
  });

  it('shows the "What\'s new" dialog late, where nobody who acknowledged it before has seen it (A8)', async () => {
    await simulator.world.faults.set({ kind: 'whats-new', mode: 'demand', opensMs: 500, count: 1 });
    await driven.link(shop);
    const acknowledge = () =>
      driven.evaluate(`(() => {
        const { createWhatsNewNux } = window.require('WAWebWhatsNewNux');
        const isShown = createWhatsNewNux().shouldShow();
        createWhatsNewNux().dismiss();
        return isShown;
      })()`);
    expect(await acknowledge()).toBe(false);
    await driven.client.pupPage?.waitForSelector('#whats-new');
    expect(await acknowledge()).toBe(true);
    await simulator.world.waitFor({ whatsNewSeen: 'fresh' });
  });

  it('stays linked when the dialog is acknowledged (A8)', async () => {
    await simulator.world.faults.set({ kind: 'whats-new', mode: 'demand', delayMs: 3000 });
    await driven.link(shop);
    await driven.evaluate(`window.require('WAWebUserPrefsUiRefresh').setUiRefreshNuxAcked(true)`);
    await driven.evaluate(`window.require('WAWebModalManager').ModalManager.close()`);
    expect(await driven.evaluate(`document.querySelector('#whats-new') === null`)).toBe(true);
    await simulator.world.waitFor({ whatsNewSeen: 'fresh' });
    expect(driven.events.of('disconnected')).toEqual([]);
  });
});

describe('a linked profile that starts', () => {
  let profile: Profile;
  let shop: Phone;
  let alice: Phone;

  beforeEach(async () => {
    shop = await simulator.world.phone('shop');
    alice = await simulator.world.phone('alice');
  });

  afterAll(async () => {
    await profile[Symbol.asyncDispose]();
  });

  beforeAll(async () => {
    profile = await Profile.open();
    await using driven = new DrivenClient(simulator, profile);
    await driven.link(await simulator.world.phone('shop'));
  });

  const set = (spec: FaultSpec) => simulator.world.faults.set(spec);

  it('is never ready when it has synced before the library listens; a nudge helps (F26, A4)', async () => {
    await set({ kind: 'sync', mode: 'before-injection', count: 1 });
    await using driven = new DrivenClient(simulator, profile);
    await driven.client.initialize();
    expect(await driven.client.getState()).toBe('CONNECTED');
    expect(driven.events.of('ready')).toEqual([]);
    await expect(driven.client.sendMessage(alice.jid, 'x')).rejects.toThrow(/getChat/);
    await driven.evaluate('window.onAppStateHasSyncedEvent()');
    await driven.events.when('ready');
  });

  it('tells of none of the messages queued for it, though it receipts them all (A14, A23)', async () => {
    const { ids } = await simulator.world.burst({
      from: ['alice', 'bob'],
      to: shop,
      count: 100,
      text: 'queued',
    });
    await using driven = new DrivenClient(simulator, profile);
    await driven.start();
    await simulator.world.waitFor({ drained: 'shop' });
    expect(driven.events.of('message')).toEqual([]);
    const chat = await driven.client.getChatById(alice.jid);
    const fetched = (await chat.fetchMessages({ limit: 100 })).map(({ id }) => id.id);
    expect(ids.filter((_, i) => i % 2 === 0).every((id) => fetched.includes(id))).toBe(true);
    const { messages } = await simulator.world.truth();
    expect(
      messages.filter(({ id }) => ids.includes(id)).flatMap(({ devices }) => Object.values(devices)),
    ).toEqual(ids.map(() => ({ deliveries: 1, receiptedAt: expect.any(Number), place: expect.any(Number) })));
  });

  it('tells of queued messages that come well after the sync', async () => {
    await simulator.world.burst({ from: ['alice'], to: shop, count: 20, text: 'late' });
    await set({ kind: 'offline', mode: 'after-sync', delayMs: 2000, count: 1 });
    await using driven = new DrivenClient(simulator, profile);
    await driven.start();
    await driven.events.message('late 20');
    expect(driven.events.texts()).toHaveLength(20);
  });

  it('waits for ever while the network withholds the login (A5)', async () => {
    const fault = await set({ kind: 'login', mode: 'hang', count: 1 });
    await using driven = new DrivenClient(simulator, profile);
    const starting = driven.client.initialize().catch((error: Error) => error);
    await simulator.world.waitFor({ fault: fault.id, struck: 1 });
    expect(await driven.client.pupPage?.evaluate(`window.require('WAWebSocketModel').Socket.state`)).toBe(
      'OPENING',
    );
    await driven[Symbol.asyncDispose]();
    expect(await starting).toBeInstanceOf(Error);
  });

  it('loses its context when the page reloads in the middle of injection (A2)', async () => {
    await set({ kind: 'reload-on-require', mode: 'WAWebConnModel', delayMs: 0, count: 1, phone: 'shop' });
    await using driven = new DrivenClient(simulator, profile);
    await expect(driven.client.initialize()).rejects.toThrow(
      /context was destroyed|Cannot find context|detached/i,
    );
  });

  it('fails in the way of each broken server, and leaves its browser running (A5, F11, F13)', async () => {
    const failure = async (): Promise<unknown> => {
      await using driven = new DrivenClient(simulator, profile, { authTimeoutMs: 1000 });
      const failed = await driven.client.initialize().then(
        () => 'resolved',
        (error: unknown) => error,
      );
      expect(driven.client.pupBrowser?.connected).toBe(true);
      return failed;
    };
    await set({ kind: 'page', mode: 'reset', count: 1 });
    expect(String(await failure())).toMatch(/ERR_EMPTY_RESPONSE|ERR_CONNECTION/);
    await set({ kind: 'page', mode: 'status', status: 500, count: 1 });
    expect(await failure()).toBe('auth timeout');
    await set({ kind: 'page', mode: 'blank', count: 1 });
    expect(await failure()).toBe('auth timeout');
    await simulator.world.server(false);
    expect(String(await failure())).toContain('ERR_CONNECTION_REFUSED');
    await simulator.world.server(true);
  });

  it('never settles while the server hangs (F12)', async () => {
    const fault = await set({ kind: 'page', mode: 'hang', count: 1 });
    await using driven = new DrivenClient(simulator, profile);
    const starting = driven.client.initialize().catch((error: Error) => error.message);
    await simulator.world.waitFor({ fault: fault.id, struck: 1 });
    await driven[Symbol.asyncDispose]();
    expect(await starting).toMatch(/detached|closed|ERR_ABORTED/i);
  });

  it('speaks for one device only: a profile that was never linked gets a QR', async () => {
    await using other = await Profile.open();
    await using driven = new DrivenClient(simulator, other);
    await driven.client.initialize();
    await driven.events.when('qr');
    expect((await shop.view()).devices).toHaveLength(1);
  });

  // The last two unlink the profile.
  it('fails to start when it was unlinked meanwhile and is told late (F22)', async () => {
    await shop.logoutDevice();
    await using driven = new DrivenClient(simulator, profile);
    await expect(driven.client.initialize()).rejects.toThrow(/context was destroyed|Cannot find context/);
    expect(driven.client.pupBrowser?.connected).toBe(true);
    expect(driven.events.of('qr')).toEqual([]);
  });

  it('shows a QR when it was unlinked meanwhile and is told early (F22)', async () => {
    {
      await using driven = new DrivenClient(simulator, profile);
      await driven.link(shop);
    }
    await shop.logoutDevice();
    await set({ kind: 'refusal', mode: 'early', count: 1 });
    await using driven = new DrivenClient(simulator, profile);
    await driven.client.initialize();
    await driven.events.when('qr');
    expect(driven.events.of('disconnected')).toEqual([]);
  });
});
