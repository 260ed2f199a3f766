import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Message } from 'whatsapp-web.js';
import wwebjs from 'whatsapp-web.js';
import { type FaultSpec, type Phone, type Simulator, startSimulator } from '../../../simulator/client.ts';
import { DrivenClient, Profile } from './driven-client.ts';

let simulator: Simulator;
let profile: Profile;
let shop: Phone;
let alice: Phone;

beforeAll(async () => {
  simulator = await startSimulator();
  profile = await Profile.open();
  shop = await simulator.world.phone('shop');
  alice = await simulator.world.phone('alice');
  await using driven = new DrivenClient(simulator, profile);
  await driven.link(shop);
});

afterAll(async () => {
  await profile[Symbol.asyncDispose]();
  await simulator[Symbol.asyncDispose]();
});

afterEach(async () => {
  await simulator.world.faults.clear();
});

const set = (spec: FaultSpec) => simulator.world.faults.set(spec);

describe('sending while something is wrong', () => {
  let driven: DrivenClient;

  beforeAll(async () => {
    driven = await new DrivenClient(simulator, profile).start();
    await alice.send(shop, 'a chat to write in');
    await driven.events.message('a chat to write in');
  });

  afterAll(async () => {
    await driven[Symbol.asyncDispose]();
  });

  const send = (text: string) => driven.client.sendMessage(alice.jid, text, { sendSeen: false });
  const acked = (sent: Message, level: number) =>
    driven.events.when(
      'message_ack',
      (message: Message, ack: number) => message.id.id === sent.id.id && ack === level,
    );

  it('resolves, then hears ack -1 with the reason, when the network refuses (F33, A25)', async () => {
    await set({ kind: 'send', mode: 'fail', error: 463, count: 1 });
    const sent = await send('refused');
    const [message] = await acked(sent, -1);
    expect((message as Message).rawData).toMatchObject({ errorCode: 463 });
    const { messages, refused } = await simulator.world.truth();
    expect(refused.at(-1)).toMatchObject({ id: sent.id.id, error: 463 });
    expect(messages.some(({ id }) => id === sent.id.id)).toBe(false);
  });

  it('locks out only those who never wrote (463, A25)', async () => {
    await set({ kind: 'send', mode: 'fail', error: 463, newChatsOnly: true });
    const stranger = await simulator.world.phone('stranger');
    await acked(await driven.client.sendMessage(stranger.jid, 'buy this', { sendSeen: false }), -1);
    await acked(await send('as you asked'), 2);
  });

  it('resolves all the same when nobody answers: dropped or taken, it cannot tell (F34)', async () => {
    await set({ kind: 'send', mode: 'drop', count: 1 });
    const dropped = await send('dropped');
    await set({ kind: 'send', mode: 'noack', count: 1 });
    const taken = await send('taken');
    await simulator.world.waitFor({ message: { id: taken.id.id } });
    // Both are resent from the outbox at the next login, under the same ids; the network takes each once.
    await shop.page({ do: 'drop', ms: 0 });
    await acked(dropped, 1);
    await acked(taken, 2);
    expect((await simulator.world.message(dropped.id.id)).submissions).toBe(1);
    expect((await simulator.world.message(taken.id.id)).submissions).toBe(2);
    const received = (await simulator.world.truth()).messages.filter(({ text }) => text === 'taken');
    expect(received).toHaveLength(1);
  });

  it('rejects with the error of the page, or hangs with it (F35)', async () => {
    await set({ kind: 'send', mode: 'refuse', text: 'the page says no', count: 1 });
    await expect(send('no')).rejects.toThrow('the page says no');
    await set({ kind: 'send', mode: 'hang', count: 1 });
    const outcome = await Promise.race([
      send('hang').catch(() => 'failed'),
      simulator.world.counters().then(() => 'pending'),
    ]);
    expect(outcome).toBe('pending');
  });

  it('hears acks late, in any order, or negative after the fact (A15)', async () => {
    await set({ kind: 'ack', mode: 'drop', levels: [1], count: 1 });
    const sent = await send('acks');
    await acked(sent, 2);
    await simulator.world.ack({ id: sent.id.id, ack: 1 });
    await simulator.world.ack({ id: sent.id.id, ack: 3 });
    await acked(sent, 3);
    const levels = driven.events
      .of('message_ack')
      .filter(([message]) => (message as Message).id.id === sent.id.id)
      .map(([, ack]) => ack);
    expect(levels).toEqual([2, 3]);
    await simulator.world.ack({ id: sent.id.id, ack: -1, error: 500 });
    await acked(sent, -1);
  });

  it('keeps a known chat open during a drop; the ack comes after it (F1)', async () => {
    await shop.page({ do: 'drop', ms: 500 });
    await driven.events.when('change_state', (state: string) => state === 'OPENING');
    const sent = await send('into the gap');
    expect(sent.ack).toBe(0);
    const { id } = await alice.send(shop, 'during the gap');
    await acked(sent, 1);
    expect((await driven.events.message('during the gap')).id.id).toBe(id);
    expect(driven.events.of('ready')).toHaveLength(1);
  });

  it('carries nothing over a frozen line, though its state says CONNECTED (F36)', async () => {
    await shop.page({ do: 'freeze' });
    const sent = await send('into the ice');
    const { id } = await alice.send(shop, 'under the ice');
    expect(await driven.client.getState()).toBe('CONNECTED');
    expect((await simulator.world.truth()).messages.some((message) => message.id === sent.id.id)).toBe(false);
    await shop.page({ do: 'thaw' });
    await acked(sent, 2);
    await simulator.world.waitFor({ receipted: id, phone: 'shop' });
  });

  it('fails an upload; a download is gone, broken or on its way again (F38, A20)', async () => {
    await set({ kind: 'upload', mode: 'fail', count: 1 });
    const media = new wwebjs.MessageMedia('image/png', Buffer.from('picture').toString('base64'));
    await expect(driven.client.sendMessage(alice.jid, media)).rejects.toThrow(/500/);
    const receive = async (caption: string) => {
      await alice.sendMedia(shop, { data: Buffer.from(caption), mimetype: 'image/png', caption });
      return driven.events.message(caption);
    };
    await set({ kind: 'download', mode: '404', count: 1 });
    expect(await (await receive('gone')).downloadMedia()).toBeUndefined();
    await set({ kind: 'download', mode: '500', count: 1 });
    const broken = await receive('broken');
    await expect(broken.downloadMedia()).rejects.toThrow(/500/);
    expect((await broken.downloadMedia()).data).toBe(Buffer.from('broken').toString('base64'));
    await set({ kind: 'media-stage', mode: 'reuploading', count: 1 });
    const moving = await receive('moving');
    expect(await moving.downloadMedia()).toBeUndefined();
    expect((await moving.downloadMedia()).data).toBe(Buffer.from('moving').toString('base64'));
    await set({ kind: 'media-stage', mode: 'error', count: 1 });
    const failing = await receive('failing');
    expect(await failing.downloadMedia()).toBeUndefined();
    expect((await failing.downloadMedia()).data).toBe(Buffer.from('failing').toString('base64'));
  });

  it('hears a burst of 2,000 from many phones once each, but an event that is raised twice twice (F6)', async () => {
    const from = Array.from({ length: 10 }, (_, i) => `customer ${i}`);
    const { ids } = await simulator.world.burst({
      from,
      to: shop,
      count: 2000,
      text: 'burst',
      duplicateEvery: 10,
    });
    await driven.events.message('burst 2000');
    await simulator.world.waitFor({ drained: 'shop' });
    const heard = driven.events.of('message').map(([message]) => (message as Message).id.id);
    expect(heard.filter((id) => ids.includes(id))).toEqual(ids);
    await simulator.world.burst({
      from,
      to: shop,
      count: 10,
      text: 'twice',
      duplicateEvery: 5,
      duplicateAs: 'event',
    });
    await driven.events.message('twice 10');
    await simulator.world.waitFor({ drained: 'shop' });
    expect(driven.events.texts().filter((text) => text === 'twice 5')).toHaveLength(2);
  });

  it('can hear of an ack before the message itself', async () => {
    await simulator.world.burst({
      from: ['shop'],
      to: alice,
      count: 1,
      text: 'from my phone',
      ackFirstEvery: 1,
    });
    await driven.events.when('message_create', (message: Message) => message.body === 'from my phone 1');
    const names = driven.events.of('message_ack').map(([message]) => (message as Message).body);
    expect(names).toContain('from my phone 1');
  });
});

describe('a ready page to which something happens', () => {
  it('fires authenticated and ready again when hasSynced toggles after a drop (F2)', async () => {
    await using driven = new DrivenClient(simulator, profile);
    await driven.start();
    await shop.page({ do: 'drop', ms: 0, toggleSync: true });
    await simulator.world.waitFor({ synced: 'shop' });
    await driven.events.when('ready', () => driven.events.of('ready').length === 3);
    expect(driven.events.of('authenticated')).toHaveLength(3);
  });

  it('is ready a second time after a reload, and hears each message once (F3)', async () => {
    await using driven = new DrivenClient(simulator, profile);
    await driven.start();
    await shop.page({ do: 'reload' });
    await driven.events.when('ready', () => driven.events.of('ready').length === 2);
    await driven.injected();
    await alice.send(shop, 'after the reload');
    await driven.events.message('after the reload');
    expect(driven.events.of('disconnected')).toEqual([]);
    expect(driven.events.texts().filter((text) => text === 'after the reload')).toHaveLength(1);
    expect((await shop.view()).devices[0]).toMatchObject({ overlaps: 0, maxLines: 1 });
  });

  it('receipts messages during a reload that it never tells of; they are in its store (F4, A14, M5)', async () => {
    await using driven = new DrivenClient(simulator, profile);
    await driven.start();
    const { world } = simulator;
    const stream = { from: ['gwen'], to: shop, count: 300, rate: 150, text: 'stream', background: true };
    const { ids } = await world.burst(stream);
    await driven.events.message('stream 50');
    await shop.page({ do: 'reload' });
    await driven.events.when('ready', () => driven.events.of('ready').length === 2);
    await driven.injected();
    await world.waitFor({ message: { text: 'stream 300' } });
    await world.waitFor({ drained: 'shop' });
    // The stream may be over before the library hears again.
    await alice.send(shop, 'afterwards');
    await driven.events.message('afterwards');
    const messages = driven.events.of('message').map(([message]) => message as Message);
    const told = messages.filter(({ body }) => body.startsWith('stream')).map(({ id }) => id.id);
    expect(told.length).toBeLessThan(300);
    expect(new Set(told).size).toBe(told.length);
    expect(await readAll(driven, 'stream')).toEqual(ids.toSorted());
  });

  it('piles up listeners with every navigation, and answers one sync with many readies (F5)', async () => {
    await using driven = new DrivenClient(simulator, profile);
    await driven.start();
    await shop.page({ do: 'push-state', times: 3 });
    await shop.page({ do: 'iframe', times: 1 });
    // The first was the start's own; an iframe counts for one or two.
    await driven.injected(5);
    const count = await driven.evaluate(
      `window.require('WAWebSocketModel').Socket.listenerCount('change:hasSynced')`,
    );
    expect(count).toBeGreaterThanOrEqual(5);
    await shop.page({ do: 'toggle-sync' });
    await driven.events.when('ready', () => driven.events.of('ready').length >= 9);
  });

  it.each(['CONFLICT', 'TOS_BLOCK', 'PROXYBLOCK', 'DEPRECATED_VERSION'])(
    'is disconnected by the state %s (F16)',
    async (state) => {
      const driven = await new DrivenClient(simulator, profile).start();
      await shop.page({ do: 'state', state });
      const [reason] = await driven.events.when('disconnected');
      expect(reason).toBe(state);
      await simulator.world.waitFor({ away: 'shop' });
      await driven[Symbol.asyncDispose]();
    },
  );

  it('takes over from a rival when it is told to (F18)', async () => {
    await using driven = new DrivenClient(simulator, profile, {
      takeoverOnConflict: true,
      takeoverTimeoutMs: 10,
    });
    await driven.start();
    await shop.page({ do: 'state', state: 'CONFLICT' });
    await driven.events.when('change_state', (state: string) => state === 'CONNECTED');
    expect(driven.events.of('change_state').map(([state]) => state)).toEqual([
      'CONFLICT',
      'OPENING',
      'CONNECTED',
    ]);
    expect(driven.events.of('disconnected')).toEqual([]);
  });

  it.each(['TIMEOUT', 'OPENING'])('stays as it is in the state %s (F17, A9)', async (state) => {
    await using driven = new DrivenClient(simulator, profile);
    await driven.start();
    await shop.page({ do: 'state', state });
    await driven.events.when('change_state', (each: string) => each === state);
    expect(driven.events.of('disconnected')).toEqual([]);
    expect(driven.client.pupBrowser?.connected).toBe(true);
  });

  it('hangs while its thread is busy (F9)', async () => {
    await using driven = new DrivenClient(simulator, profile);
    await driven.start();
    await shop.page({ do: 'busy', ms: 800 });
    const start = performance.now();
    expect(await driven.client.getState()).toBe('CONNECTED');
    expect(performance.now() - start).toBeGreaterThan(300);
  });

  it('lets a second browser with the same keys push out the first, and keeps count of it', async () => {
    await using driven = new DrivenClient(simulator, profile);
    await driven.start();
    // A page in a tab of its own: the same profile, another browser as far as the network can see.
    const other = await driven.client.pupBrowser?.newPage();
    await other?.goto('https://web.whatsapp.com/');
    const [reason] = await driven.events.when('disconnected');
    expect(reason).toBe('CONFLICT');
    expect((await shop.view()).devices[0]).toMatchObject({ overlaps: 1, maxLines: 2 });
  });
});

describe('a browser that is killed', () => {
  it('keeps what it receipted, and is sent the rest again: nothing is lost, nothing doubled (A23, F40)', async () => {
    const { world } = simulator;
    const driven = await new DrivenClient(simulator, profile).start();
    const { ids } = await world.burst({
      ...{ from: ['erin', 'finn'], to: shop, count: 600, rate: 1500, text: 'storm', background: true },
    });
    await driven.events.message('storm 200');
    driven.client.pupBrowser?.process()?.kill('SIGKILL');
    await world.waitFor({ away: 'shop' });
    await world.waitFor({ message: { to: 'shop', id: ids.at(-1) ?? '' } });
    await using again = new DrivenClient(simulator, profile);
    await again.start();
    await world.waitFor({ drained: 'shop' });
    expect(await readAll(again, 'storm')).toEqual(ids.toSorted());
    const storm = (await world.truth()).messages.filter(({ id }) => ids.includes(id));
    const unreceipted = storm.filter(({ devices }) =>
      Object.values(devices).some((each) => each.receiptedAt === null),
    );
    expect(unreceipted).toEqual([]);
  });

  it('sends its outbox after the restart under the same ids (F1)', async () => {
    const driven = await new DrivenClient(simulator, profile).start();
    await simulator.world.faults.set({ kind: 'send', mode: 'drop' });
    const sent = await driven.client.sendMessage(alice.jid, 'written, not taken', { sendSeen: false });
    driven.client.pupBrowser?.process()?.kill('SIGKILL');
    await simulator.world.waitFor({ away: 'shop' });
    await simulator.world.faults.clear();
    await using again = new DrivenClient(simulator, profile);
    await again.start();
    await simulator.world.waitFor({ ack: 2, id: sent.id.id });
    expect(await simulator.world.message(sent.id.id)).toMatchObject({
      submissions: 1,
      text: 'written, not taken',
    });
  });

  it('links again from its IndexedDB alone', async () => {
    await using copy = await Profile.open();
    const part = 'session/Default/IndexedDB';
    await cp(join(profile.path, part), join(copy.path, part), { recursive: true });
    await using driven = new DrivenClient(simulator, copy);
    await driven.start();
    expect(driven.events.of('qr')).toEqual([]);
  });
});

/** The ids of all messages in the page, stored or loaded, whose text begins so. */
async function readAll(driven: DrivenClient, text: string): Promise<string[]> {
  const ids = (await driven.evaluate(`(async () => {
    const found = [];
    for (const chat of window.require('WAWebCollections').Chat.getModelsArray()) {
      while ((await window.require('WAWebChatLoadMessages').loadEarlierMsgs({ chat })).length > 0);
      found.push(...chat.msgs.getModelsArray());
    }
    return found.filter((msg) => msg.body?.startsWith('${text}')).map((msg) => msg.id.id);
  })()`)) as string[];
  return ids.toSorted();
}

describe('a link that ends', () => {
  it('is disconnected by UNPAIRED, without navigation, when the phone unlinks it so (F21)', async () => {
    const driven = await new DrivenClient(simulator, profile).start();
    await shop.logoutDevice({ navigate: false });
    const [reason] = await driven.events.when('disconnected');
    expect(reason).toBe('UNPAIRED');
    await driven[Symbol.asyncDispose]();
  });

  it('gives LOGOUT and a new QR in the same browser when the phone logs it out (F19)', async () => {
    await using fresh = await Profile.open();
    await using driven = new DrivenClient(simulator, fresh);
    const phone = await simulator.world.phone('other shop');
    await driven.link(phone);
    const before = driven.events.of('qr').length;
    await phone.logoutDevice();
    const [reason] = await driven.events.when('disconnected');
    expect(reason).toBe('LOGOUT');
    await driven.events.when('qr', () => driven.events.of('qr').length > before);
    await driven.injected();
  });

  it('ends on the network, without any event, by client.logout() (F23)', async () => {
    await using fresh = await Profile.open();
    const driven = new DrivenClient(simulator, fresh);
    const phone = await simulator.world.phone('third shop');
    await driven.link(phone);
    await driven.client.logout();
    await simulator.world.waitFor({ unlinked: 'third shop' });
    expect(driven.events.of('disconnected')).toEqual([]);
  });

  it('asked for no module that the simulator lacks', async () => {
    expect(await simulator.world.missingModules()).toEqual([]);
  });
});
