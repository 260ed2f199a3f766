import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Message } from 'whatsapp-web.js';
import { type Phone, type Simulator, startSimulator, type WorldSettings } from '../../../simulator/client.ts';
import { DrivenClient, Profile } from './driven-client.ts';

let simulator: Simulator;
let defaults: WorldSettings;

beforeAll(async () => {
  simulator = await startSimulator();
  defaults = await simulator.world.settings();
});

afterAll(async () => {
  await simulator[Symbol.asyncDispose]();
});

afterEach(async () => {
  await simulator.world.settings(defaults);
  await simulator.world.faults.clear();
});

/** Closes the browser, and waits until the network knows: what is sent from then on is queued. */
async function stop(driven: DrivenClient, phone: Phone): Promise<void> {
  await driven[Symbol.asyncDispose]();
  await simulator.world.waitFor({ away: phone.name });
}

/** A profile that is copied while no browser has it open, and put back later as it was then. */
class CopiedProfile implements AsyncDisposable {
  readonly profile: Profile;
  readonly #copy: Profile;

  private constructor(profile: Profile, copy: Profile) {
    this.profile = profile;
    this.#copy = copy;
  }

  static async open(): Promise<CopiedProfile> {
    return new CopiedProfile(await Profile.open(), await Profile.open());
  }

  async copy(): Promise<void> {
    await CopiedProfile.#replace(this.#copy, this.profile);
  }

  async restore(): Promise<void> {
    await CopiedProfile.#replace(this.profile, this.#copy);
  }

  static async #replace(target: Profile, source: Profile): Promise<void> {
    await rm(join(target.path, 'session'), { recursive: true, force: true });
    await cp(join(source.path, 'session'), join(target.path, 'session'), { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.profile[Symbol.asyncDispose]();
    await this.#copy[Symbol.asyncDispose]();
  }
}

describe.each([
  { ids: '_serialized', addresses: 'phone' },
  { ids: '$1', addresses: 'lid' },
] as const)('an older copy of a profile, its page writing $ids and addresses by $addresses', (dialect) => {
  let copied: CopiedProfile;
  let shop: Phone;
  let alice: Phone;
  let bob: Phone;
  let count = 0;

  beforeEach(async () => {
    count += 1;
    const name = `${dialect.addresses} ${count}`;
    copied = await CopiedProfile.open();
    shop = await simulator.world.phone(`shop ${name}`, dialect);
    alice = await simulator.world.phone(`alice ${name}`);
    bob = await simulator.world.phone(`bob ${name}`);
    await using driven = await new DrivenClient(simulator, copied.profile).link(shop);
    await alice.send(shop, 'before');
    await driven.events.message('before');
    await stop(driven, shop);
    await copied.copy();
  });

  afterEach(async () => {
    await copied[Symbol.asyncDispose]();
  });

  const chatOf = (phone: Phone) => (dialect.addresses === 'lid' ? `${phone.lid}@lid` : phone.jid);
  const start = () => new DrivenClient(simulator, copied.profile).start();
  const device = async () => (await shop.view()).devices[0];

  /** How often its device was given the message, whether it took it, and how often it asked for it again. */
  async function takenBy(id: string): Promise<{ deliveries: number; taken: boolean; retries: number }> {
    const record = (await simulator.world.message(id)).devices[(await device())?.id ?? ''];
    const { deliveries = 0, receiptedAt = null, retries = 0 } = record ?? {};
    return { deliveries, taken: receiptedAt !== null, retries };
  }

  /** The texts that the page has of a chat, oldest first. */
  async function storedTexts(driven: DrivenClient, phone: Phone): Promise<string[]> {
    const chat = `window.require('WAWebWidFactory').createWid('${chatOf(phone)}')`;
    const texts = `window.require('WAWebCollections').Chat.get(${chat}).msgs.map(({ body }) => body)`;
    return (await driven.evaluate(texts)) as string[];
  }

  /** Three messages come and one goes, and all is receipted, before the page is gone again. */
  async function liveOn(): Promise<{ came: string[]; sent: string }> {
    await using driven = await start();
    const came: string[] = [];
    for (const text of ['window 1', 'window 2', 'window 3']) came.push((await alice.send(shop, text)).id);
    await driven.events.message('window 3');
    await driven.client.sendMessage(chatOf(alice), 'from the window');
    const [own] = await driven.events.when('message_ack', (message: Message, ack: number) => {
      return message.body === 'from the window' && ack === 2;
    });
    await simulator.world.waitFor({ drained: shop.name });
    await stop(driven, shop);
    return { came, sent: (own as Message).id.id };
  }

  it('is linked still, lacks what was receipted since, and is given what was not', async () => {
    const { came, sent } = await liveOn();
    await alice.read(shop);
    const queued = await alice.send(shop, 'queued');
    for (const staleLogins of [1, 2]) {
      await copied.restore();
      await using driven = await start();
      await simulator.world.waitFor({ drained: shop.name });
      expect(await device()).toMatchObject({ staleLogins, queued: 0 });
      // The second copy is older than the receipt of what was queued for the first.
      expect(await storedTexts(driven, alice)).toEqual(staleLogins === 1 ? ['before', 'queued'] : ['before']);
      expect(driven.events.of('message_ack')).toEqual([]);
      expect(driven.events.of('qr')).toEqual([]);
    }
    for (const id of [...came, queued.id]) {
      expect(await takenBy(id)).toEqual({ deliveries: 1, taken: true, retries: 0 });
    }
    expect(await simulator.world.message(sent)).toMatchObject({ ack: 3, submissions: 1 });
    await using driven = await start();
    await alice.send(shop, 'after');
    await driven.events.message('after');
    // The page went on from where the network was: it is not stale any more.
    expect(await device()).toMatchObject({ staleLogins: 2 });
    expect(await storedTexts(driven, alice)).toEqual(['before', 'after']);
  });

  it('under `retry` reads nothing of an author before the author has sent it again', async () => {
    const { came } = await liveOn();
    const queued = await alice.send(shop, 'queued');
    await simulator.world.settings({ staleProfile: 'retry' });
    await copied.restore();
    await using driven = await start();
    await simulator.world.waitFor({ receipted: queued.id, phone: shop.name });
    expect(await takenBy(queued.id)).toEqual({ deliveries: 2, taken: true, retries: 1 });
    const first = await bob.send(shop, 'first of bob');
    const [waiting] = await driven.events.when('message_ciphertext');
    expect((waiting as Message).id.id).toBe(first.id);
    await driven.events.message('first of bob');
    const next = [await alice.send(shop, 'again'), await bob.send(shop, 'second of bob')];
    await driven.events.message('second of bob');
    expect(await takenBy(first.id)).toEqual({ deliveries: 2, taken: true, retries: 1 });
    for (const id of [...came, ...next.map((each) => each.id)]) {
      expect(await takenBy(id)).toEqual({ deliveries: 1, taken: true, retries: 0 });
    }
    expect(await storedTexts(driven, alice)).toEqual(['before', 'queued', 'again']);
    expect(await storedTexts(driven, bob)).toEqual(['first of bob', 'second of bob']);
    expect(driven.events.texts().filter((text) => text === 'first of bob')).toHaveLength(1);
    expect(driven.events.of('message_ciphertext')).toHaveLength(1);
    // To the library a text that comes into a place is an edit, though nobody edited it.
    expect(driven.events.of('message_edit').map(([, next]) => next)).toContain('first of bob');
    expect(driven.events.of('qr')).toEqual([]);
    expect(await device()).toMatchObject({ staleLogins: 1, queued: 0 });
  });
});

describe('an older copy of a profile', () => {
  let copied: CopiedProfile;
  let shop: Phone;
  let alice: Phone;
  let count = 0;

  beforeEach(async () => {
    count += 1;
    copied = await CopiedProfile.open();
    shop = await simulator.world.phone(`shop ${count}`);
    alice = await simulator.world.phone(`alice ${count}`);
  });

  afterEach(async () => {
    await copied[Symbol.asyncDispose]();
  });

  const start = () => new DrivenClient(simulator, copied.profile).start();

  it('under `refuse` is logged out, and the server forgets what was queued for it', async () => {
    await using linked = await new DrivenClient(simulator, copied.profile).link(shop);
    await stop(linked, shop);
    await copied.copy();
    await simulator.world.settings({ staleProfile: 'refuse' });
    const read = await receive('read');
    const queued = await alice.send(shop, 'queued');
    await copied.restore();
    await using driven = new DrivenClient(simulator, copied.profile);
    // The page leaves for the log-out page, at times while the library is still being injected into it.
    await driven.client.initialize().catch(() => undefined);
    await simulator.world.waitFor({ qr: true });
    await driven.injected();
    expect(driven.events.of('ready')).toEqual([]);
    expect((await shop.view()).devices).toEqual([]);
    expect(Object.values((await simulator.world.message(read)).devices)).toEqual([
      { deliveries: 1, receiptedAt: expect.any(Number), place: expect.any(Number) },
    ]);
    expect((await simulator.world.message(queued.id)).devices).toEqual({});
  });

  it('under `retry` tells of no message whose place was there before the sync, though it comes after', async () => {
    await using linked = await new DrivenClient(simulator, copied.profile).link(shop);
    await stop(linked, shop);
    await copied.copy();
    await receive('read');
    const { id } = await alice.send(shop, 'queued');
    await simulator.world.settings({ staleProfile: 'retry', retryMs: 600_000 });
    await copied.restore();
    await using driven = await start();
    // On a new line it is given what it still lacks, and asks once more.
    await simulator.world.settings({ retryMs: 0 });
    await shop.page({ do: 'drop', ms: 0 });
    await simulator.world.waitFor({ receipted: id, phone: shop.name });
    expect(Object.values((await simulator.world.message(id)).devices)).toEqual([
      { deliveries: 3, receiptedAt: expect.any(Number), place: expect.any(Number), retries: 2 },
    ]);
    await driven.events.when('message_edit', (message: Message) => message.body === 'queued');
    expect(driven.events.of('message')).toEqual([]);
    expect(driven.events.of('message_ciphertext')).toEqual([]);
  });

  it('is known for one by a message that it sent, too', async () => {
    await using linked = await new DrivenClient(simulator, copied.profile).link(shop);
    await stop(linked, shop);
    await copied.copy();
    await alice.change({ online: false });
    await send('nobody answers');
    expect(await staleLoginsAfterStart()).toBe(0);
    await copied.restore();
    expect(await staleLoginsAfterStart()).toBe(1);
    expect(await staleLoginsAfterStart()).toBe(1);
  });

  it('is none if only acks were heard since', async () => {
    await using driven = await new DrivenClient(simulator, copied.profile).link(shop);
    await driven.client.sendMessage(alice.jid, 'good day');
    await driven.events.when('message_ack', (_message: Message, ack: number) => ack === 2);
    await stop(driven, shop);
    await copied.copy();
    await alice.read(shop);
    await using again = await start();
    await simulator.world.waitFor({ drained: shop.name });
    await stop(again, shop);
    await copied.restore();
    expect(await staleLoginsAfterStart()).toBe(0);
  });

  it('is not what a browser leaves that was killed as soon as its receipts were heard', async () => {
    await using linked = await new DrivenClient(simulator, copied.profile).link(shop);
    await stop(linked, shop);
    for (const round of [1, 2, 3]) {
      await using driven = await start();
      const { ids } = await simulator.world.burst({ from: [alice.name], to: shop, count: 40 });
      await simulator.world.waitFor({ receipted: ids.at(-1) ?? '', phone: shop.name });
      driven.client.pupBrowser?.process()?.kill('SIGKILL');
      await simulator.world.waitFor({ away: shop.name });
      expect((await shop.view()).devices[0]).toMatchObject({ logins: round + 1, staleLogins: 0 });
    }
    expect(await staleLoginsAfterStart()).toBe(0);
  });

  it('sends again what it had not sent yet, under the same id; the network takes it once', async () => {
    await using linked = await new DrivenClient(simulator, copied.profile).link(shop);
    const drop = await simulator.world.faults.set({ kind: 'send', mode: 'drop', count: 1 });
    const created = linked.events.when('message_create', (message: Message) => message.body === 'late');
    void linked.client.sendMessage(alice.jid, 'late').catch(() => undefined);
    const [late] = await created;
    await simulator.world.waitFor({ fault: drop.id, struck: 1 });
    await stop(linked, shop);
    await copied.copy();
    const { id } = (late as Message).id;
    for (const submissions of [1, 2]) {
      await copied.restore();
      await using _driven = await start();
      await simulator.world.waitFor({ synced: shop.name });
      expect(await simulator.world.message(id)).toMatchObject({ submissions, text: 'late' });
    }
    const { messages } = await simulator.world.truth();
    expect(messages.filter(({ text }) => text === 'late')).toHaveLength(1);
  });

  async function receive(text: string): Promise<string> {
    await using driven = await start();
    const { id } = await alice.send(shop, text);
    await driven.events.message(text);
    await stop(driven, shop);
    return id;
  }

  async function send(text: string): Promise<void> {
    await using driven = await start();
    await driven.client.sendMessage(alice.jid, text);
    await driven.events.when('message_ack', (message: Message, ack: number) => {
      return message.body === text && ack === 1;
    });
  }

  async function staleLoginsAfterStart(): Promise<number | undefined> {
    await using _driven = await start();
    return (await shop.view()).devices[0]?.staleLogins;
  }
});
