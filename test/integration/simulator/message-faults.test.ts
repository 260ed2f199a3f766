import { afterAll, beforeAll, expect, it } from 'vitest';
import wwebjs, { type Message, type Store } from 'whatsapp-web.js';
import { type Phone, type Simulator, startSimulator } from '../../../simulator/client.ts';
import { BareProcess } from './bare-process.ts';
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

/** What the library's remote sessions are kept in. */
class MemoryStore implements Store {
  readonly sessions = new Set<string>();
  readonly sessionExists = async ({ session }: { session: string }) => this.sessions.has(session);
  readonly save = async ({ session }: { session: string }) => void this.sessions.add(session);
  readonly delete = async ({ session }: { session: string }) => void this.sessions.delete(session);
  readonly extract = async () => undefined;
}

it.each(['CONFLICT', 'PROXYBLOCK'])(
  'deletes the stored session at the state %s, which is still linked (A13)',
  async (state) => {
    await using folder = await Profile.open();
    const store = new MemoryStore();
    const authStrategy = new wwebjs.RemoteAuth({
      store,
      backupSyncIntervalMs: 60_000,
      dataPath: folder.path,
    });
    const phone = await simulator.world.phone(`remote ${state}`);
    await using driven = new DrivenClient(simulator, folder, { authStrategy });
    await driven.link(phone);
    await (authStrategy as unknown as { storeRemoteSession(): Promise<void> }).storeRemoteSession();
    expect(store.sessions.size).toBe(1);
    await phone.page({ do: 'state', state });
    await driven.events.when('disconnected');
    expect(store.sessions.size).toBe(0);
    expect((await phone.view()).devices).toHaveLength(1);
  },
);

it('marks a chat as read by sending, unless it is told not to (A17)', async () => {
  await using driven = await new DrivenClient(simulator, profile).start();
  const first = await alice.send(shop, 'left unread');
  await driven.events.message('left unread');
  const answer = await driven.client.sendMessage(alice.jid, 'an answer', { sendSeen: false });
  await simulator.world.waitFor({ ack: 2, id: answer.id.id });
  expect((await simulator.world.message(first.id)).ack).toBe(2);
  await driven.client.sendMessage(alice.jid, 'another answer');
  await simulator.world.waitFor({ ack: 3, id: first.id });
});

it('makes an id of its own for each send, so that a repeated one is another message; it can be given one (A22)', async () => {
  await using driven = await new DrivenClient(simulator, profile).start();
  const carried = async (text: string) =>
    (await simulator.world.truth()).messages.filter((message) => message.text === text);
  const sent: Message[] = [];
  for (let time = 0; time < 2; time += 1)
    sent.push(await driven.client.sendMessage(alice.jid, 'tried twice'));
  for (const { id } of sent) await simulator.world.waitFor({ ack: 2, id: id.id });
  expect(await carried('tried twice')).toHaveLength(2);
  const chosen = await driven.evaluate(`(async () => {
    const MsgKey = window.require('WAWebMsgKey');
    const { Chat } = window.require('WAWebCollections');
    const chat = Chat.get('${alice.jid}');
    const from = window.require('WAWebUserPrefsMeUser').getMaybeMePnUser();
    const bareId = await MsgKey.newId();
    for (const time of [1, 2]) {
      const id = new MsgKey({ from, to: chat.id, id: bareId, selfDir: 'out' });
      await window.WWebJS.sendMessage(chat, 'named beforehand', { extraOptions: { id } });
    }
    return bareId;
  })()`);
  await simulator.world.waitFor({ ack: 2, id: String(chosen) });
  expect((await carried('named beforehand')).map(({ id }) => id)).toEqual([chosen]);
});

it('hears nothing of a handler that throws, and ends at one that rejects (F39)', async () => {
  await using bare = await new BareProcess(simulator, profile).ready();
  await bare.call({ do: 'throw-in-handler' });
  await alice.send(shop, 'to the one that throws');
  await bare.events.when('handler');
  await bare.call({ do: 'evaluate', expression: '1' });
  expect(bare.isAlive).toBe(true);
  await bare.call({ do: 'reject-in-handler' });
  await alice.send(shop, 'to the one that rejects');
  expect(await bare.ended).toMatchObject({
    code: 1,
    words: expect.stringMatching(/of a handler that rejects/),
  });
});
