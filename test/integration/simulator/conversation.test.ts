import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import wwebjs, { type Message, type Reaction } from 'whatsapp-web.js';
import { type GroupInfo, type Phone, type Simulator, startSimulator } from '../../../simulator/client.ts';
import { DrivenClient, Profile, serializedId } from './driven-client.ts';

const { Location, MessageMedia, Poll } = wwebjs;

describe.each([
  { ids: '_serialized', addresses: 'phone' },
  { ids: '$1', addresses: 'lid' },
] as const)('a linked page that writes $ids and addresses by $addresses', (dialect) => {
  let simulator: Simulator;
  let profile: Profile;
  let driven: DrivenClient;
  let shop: Phone;
  let alice: Phone;
  let group: GroupInfo;
  /** What the library calls alice's chat. */
  let aliceChat: string;

  beforeAll(async () => {
    simulator = await startSimulator();
    profile = await Profile.open();
    shop = await simulator.world.phone('shop', dialect);
    alice = await simulator.world.phone('alice');
    await simulator.world.phone('bob');
    aliceChat = dialect.addresses === 'lid' ? `${alice.lid}@lid` : alice.jid;
    group = await simulator.world.group({ subject: 'Orders', owner: alice, participants: [shop, 'bob'] });
    driven = await new DrivenClient(simulator, profile).link(shop);
  });

  afterAll(async () => {
    await driven[Symbol.asyncDispose]();
    await profile[Symbol.asyncDispose]();
    await simulator[Symbol.asyncDispose]();
  });

  /** Sends through the library; in the `$1` dialect it answers undefined though the message goes out (A1). */
  async function send(...args: Parameters<DrivenClient['client']['sendMessage']>): Promise<Message> {
    const count = driven.events.of('message_create').length;
    const answer = await driven.client.sendMessage(...args);
    expect(answer === undefined).toBe(dialect.ids === '$1');
    const created = driven.events.of('message_create').slice(count);
    return created.map(([message]) => message as Message).find(({ fromMe }) => fromMe) as Message;
  }

  it('hears a text once, with the sender and the id of its dialect (A1, A16)', async () => {
    const { id } = await alice.send(shop, 'hello');
    const message = await driven.events.message('hello');
    expect(message.from).toBe(aliceChat);
    expect(Object.keys(message.id)).toContain(dialect.ids);
    expect(serializedId(message)).toBe(`false_${aliceChat}_${id}`);
    await simulator.world.waitFor({ receipted: id, phone: 'shop' });
    expect(driven.events.texts().filter((text) => text === 'hello')).toHaveLength(1);
  });

  it('sends a text, whose acks 1, 2 and 3 follow (A15)', async () => {
    const sent = await send(aliceChat, 'good day');
    const acked = (level: number) =>
      driven.events.when(
        'message_ack',
        (message: Message, ack: number) => message.id.id === sent.id.id && ack === level,
      );
    await acked(1);
    await acked(2);
    await alice.read(shop);
    await acked(3);
    expect(await simulator.world.message(sent.id.id)).toMatchObject({
      text: 'good day',
      submissions: 1,
      ack: 3,
    });
  });

  it('hears edits, reactions and revokes', async () => {
    const { id } = await alice.send(shop, 'frist');
    await driven.events.message('frist');
    await alice.edit(id, 'first');
    const [edited, next, previous] = await driven.events.when('message_edit');
    expect([(edited as Message).body, next, previous]).toEqual(['first', 'first', 'frist']);
    await alice.react(id, '👍');
    const [reaction] = await driven.events.when('message_reaction');
    expect(reaction).toMatchObject({ reaction: '👍', senderId: aliceChat } satisfies Partial<Reaction>);
    await alice.revoke(id);
    const [revoked, before] = await driven.events.when('message_revoke_everyone');
    expect([(revoked as Message).id.id, (before as Message).body]).toEqual([id, 'first']);
  });

  it('edits, reacts and revokes', async () => {
    const { id } = await alice.send(shop, 'a question');
    await driven.events.message('a question');
    const answer = await send(aliceChat, 'an anwser');
    await driven.client.sendReaction(`false_${aliceChat}_${id}`, '❤');
    const target = dialect.ids === '$1' ? undefined : answer;
    await target?.edit('an answer');
    await target?.delete(true);
    const truth = await simulator.world.message(answer.id.id);
    expect((await simulator.world.message(id)).reactions).toEqual({ [shop.number]: '❤' });
    if (target) expect(truth).toMatchObject({ edits: ['an answer'], revoked: true });
  });

  it('hears location, contact card, poll and vote, and a quoted reply', async () => {
    const first = await send(aliceChat, 'where are you?');
    await alice.sendLocation(shop, { latitude: 52.5, longitude: 13.4, name: 'Market' });
    await alice.sendContacts(shop, [{ name: 'Bob', number: '15550001111' }]);
    const poll = await alice.sendPoll(shop, { name: 'When?', options: ['today', 'tomorrow'] });
    await alice.vote(poll.id, ['tomorrow']);
    await alice.send(shop, 'here', { quoted: first.id.id });
    const reply = await driven.events.message('here');
    const messages = driven.events.of('message').map(([message]) => message as Message);
    expect(messages.find(({ type }) => type === 'location')?.location).toMatchObject({
      latitude: 52.5,
      longitude: 13.4,
    });
    expect(messages.find(({ type }) => type === 'vcard')?.vCards[0]).toContain('FN:Bob');
    expect(messages.find(({ type }) => type === 'poll_creation')?.body).toBe('When?');
    expect(reply.hasQuotedMsg).toBe(true);
    if (dialect.ids === '_serialized') {
      expect((await reply.getQuotedMessage()).body).toBe('where are you?');
      const [vote] = await driven.events.when('vote_update');
      expect(vote).toMatchObject({ selectedOptions: [{ name: 'tomorrow' }] });
      const votes = await messages.find(({ type }) => type === 'poll_creation')?.getPollVotes();
      expect(votes).toMatchObject([{ selectedOptions: [{ name: 'tomorrow' }] }]);
    }
  });

  it('sends location, poll, contact card and a quoted reply', async () => {
    const { id } = await alice.send(shop, 'tell me');
    await driven.events.message('tell me');
    const place = await send(aliceChat, new Location(48.1, 11.5, { name: 'Hall' }));
    const poll = await send(aliceChat, new Poll('Which?', ['red', 'blue']));
    const card = await send(aliceChat, await driven.client.getContactById(aliceChat));
    const reply = await send(aliceChat, 'as asked', { quotedMessageId: `false_${aliceChat}_${id}` });
    await simulator.world.waitFor({ ack: 2, id: reply.id.id });
    const { messages } = await simulator.world.truth();
    const type = (sent: Message) => messages.find((each) => each.id === sent.id.id)?.type;
    expect([place, poll, card].map(type)).toEqual(['location', 'poll_creation', 'vcard']);
    expect(reply.hasQuotedMsg).toBe(true);
  });

  it('takes part in groups, as the member it is', async () => {
    const { id } = await alice.send(group, 'to all');
    const heard = await driven.events.message('to all');
    const author = dialect.addresses === 'lid' ? `${alice.lid}@lid` : alice.jid;
    expect(heard).toMatchObject({ from: `${group.id}@g.us`, author });
    expect(serializedId(heard)).toBe(`false_${group.id}@g.us_${id}_${author}`);
    const sent = await send(`${group.id}@g.us`, 'noted');
    await simulator.world.waitFor({ ack: 2, id: sent.id.id });
    expect((await simulator.world.message(sent.id.id)).to).toEqual({ group: group.id });
    await simulator.world.changeGroup(group, { subject: 'All orders' });
    await driven.events.when('group_update');
  });

  it('downloads the bytes that were sent to it, and uploads its own (A20)', async () => {
    const bytes = randomBytes(200_000);
    await alice.sendMedia(shop, { data: bytes, mimetype: 'image/png', caption: 'a picture' });
    const picture = await driven.events.message('a picture');
    expect(picture).toMatchObject({ hasMedia: true, type: 'image' });
    if (dialect.ids === '_serialized') {
      expect((await picture.downloadMedia())?.data).toBe(bytes.toString('base64'));
    }
    const pdf = randomBytes(50_000);
    const media = new MessageMedia('application/pdf', pdf.toString('base64'), 'bill.pdf');
    const sent = await send(aliceChat, media, { caption: 'the bill' });
    await driven.events.when('media_uploaded', (message: Message) => message.id.id === sent.id.id);
    await simulator.world.waitFor({ ack: 2, id: sent.id.id });
    const hash = createHash('sha256').update(pdf).digest('base64');
    expect(await simulator.world.message(sent.id.id)).toMatchObject({
      type: 'document',
      text: 'the bill',
      mediaHash: hash,
    });
    const voice = await send(aliceChat, new MessageMedia('audio/ogg', pdf.toString('base64')), {
      sendAudioAsVoice: true,
    });
    expect(voice.type).toBe('ptt');
  });

  it('knows who has an account (F37, A16)', async () => {
    expect(await driven.client.getNumberId('15559999999')).toBeNull();
    await expect(driven.client.sendMessage('15559999999@c.us', 'anyone?')).rejects.toThrow('No LID for user');
    const carol = await simulator.world.phone('carol');
    expect(await driven.client.getNumberId(carol.jid)).toMatchObject({
      _serialized: dialect.addresses === 'lid' ? `${carol.lid}@lid` : carol.jid,
    });
    expect(await driven.client.getContactLidAndPhone([carol.jid])).toEqual([
      { lid: `${carol.lid}@lid`, pn: carol.jid },
    ]);
    const sent = await send(carol.jid, 'you there');
    await simulator.world.waitFor({ ack: 2, id: sent.id.id });
  });

  it('refuses a chat with a number whose LID it never asked for, where chats go by LID (A16)', async () => {
    await simulator.world.faults.set({ kind: 'lookup', mode: 'strict-lid' });
    const dora = await simulator.world.phone('dora');
    const first = driven.client.sendMessage(dora.jid, 'hi').then(
      () => 'sent',
      (error: Error) => error.message,
    );
    expect(await first).toMatch(dialect.addresses === 'lid' ? /No LID for user/ : /^sent$/);
    await driven.client.getNumberId(dora.jid);
    const sent = await send(dora.jid, 'hi again');
    await simulator.world.waitFor({ ack: 2, id: sent.id.id });
    await simulator.world.faults.clear();
  });

  it('lists its chats only if the library can read their keys (A1, A18)', async () => {
    const listing = driven.client.getChats();
    if (dialect.ids === '$1') await expect(listing).rejects.toThrow('MsgKey error');
    else expect((await listing).map(({ name }) => name)).toContain('All orders');
  });

  it('needs no QR after a restart, and reads its old messages back page by page', async () => {
    await simulator.world.burst({ from: ['alice'], to: shop, count: 130, text: 'line' });
    await simulator.world.waitFor({ drained: 'shop' });
    await driven.events.message('line 130');
    await driven[Symbol.asyncDispose]();
    driven = await new DrivenClient(simulator, profile).start();
    expect(driven.events.of('qr')).toEqual([]);
    const [loaded, fetched] = (await driven.evaluate(`(async () => {
      const chat = window.require('WAWebCollections').Chat.get('${aliceChat}');
      const loaded = chat.msgs.length;
      while ((await window.require('WAWebChatLoadMessages').loadEarlierMsgs({ chat })).length > 0);
      return [loaded, chat.msgs.getModelsArray().map((msg) => msg.body)];
    })()`)) as [number, string[]];
    expect(loaded).toBe(10);
    const lines = fetched.filter((text) => text?.startsWith('line '));
    expect(lines).toEqual(Array.from({ length: 130 }, (_, i) => `line ${i + 1}`));
  });

  it('asks for no module that the simulator lacks', async () => {
    expect(await simulator.world.missingModules()).toEqual([]);
  });
});
