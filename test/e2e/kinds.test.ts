import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiMessage } from '../../scripts/daemon-api.ts';
import type { GroupInfo, Phone } from '../../simulator/client.ts';
import { PIXEL, RECEIVED_FILES, SENT_FILES } from '../support/media-files.ts';
import { type HeardEvent, RealtimeClient } from '../support/realtime-client.ts';
import { openStage, type Stage } from '../support/stage.ts';

describe.each([
  { ids: '_serialized', addresses: 'phone' },
  { ids: '$1', addresses: 'lid' },
] as const)('kinds of messages, ids $ids, addresses $addresses (A1, A16)', (dialect) => {
  let stage: Stage;
  let shop: Phone;
  let alice: Phone;
  let bob: Phone;
  let team: GroupInfo;
  let accountId: string;

  beforeAll(async () => {
    stage = await openStage();
    const { world } = stage;
    await world.settings(dialect);
    shop = await world.phone('shop');
    alice = await world.phone('alice', { pushname: 'Alice W.' });
    bob = await world.phone('bob');
    await shop.saveContact(alice, 'Alice from the market');
    accountId = await stage.link(shop);
    team = await world.group({ subject: 'Team', owner: alice, participants: [alice, bob, shop] });
  });

  afterAll(async () => {
    const missing = await stage.world.missingModules();
    await stage[Symbol.asyncDispose]();
    expect(missing).toEqual([]);
  });

  const stored = (bareId: string, fits: (message: ApiMessage) => boolean = () => true) =>
    stage.api.message(
      accountId,
      `message ${bareId}`,
      (message) => message.whatsappMessageId?.split('_')[2] === bareId && fits(message),
    );

  /** Sends by the API and resolves with the message once it has arrived, and what arrived. */
  async function send(body: object) {
    const messageId = await stage.api.send(accountId, { to: `+${alice.number}`, ...body });
    const message = await stage.api.message(
      accountId,
      `message ${messageId}, delivered`,
      (each) => each.messageId === messageId && each.status === 'delivered',
    );
    const bareId = String(message.whatsappMessageId).split('_')[2] ?? '';
    return { message, bareId, carried: await stage.world.message(bareId) };
  }

  it.each(RECEIVED_FILES)('receives $kind with its bytes', async ({ type, ...file }) => {
    const data = randomBytes(2_000);
    const { id } = await alice.sendMedia(shop, { ...file, data });
    const message = await stored(id, ({ mediaUrl }) => mediaUrl !== null);
    expect(message).toMatchObject({
      type,
      chatId: alice.jid,
      author: alice.jid,
      caption: file.caption ?? null,
      fileSize: data.length,
      fileName: file.filename ?? null,
    });
    expect(await stage.api.bytes(String(message.mediaUrl).replace('/api/v1/whatsapp', ''))).toEqual(data);
  });

  it('receives locations, one contact and several, and polls', async () => {
    const location = await alice.sendLocation(shop, {
      latitude: 52.5,
      longitude: 13.4,
      name: 'Office',
      address: 'Main Street 1',
    });
    const one = await alice.sendContacts(shop, [{ name: 'Ben', number: '4915112345678' }]);
    const two = await alice.sendContacts(shop, [
      { name: 'Ben', number: '4915112345678' },
      { name: 'Cleo', number: '4915112345679' },
    ]);
    const poll = await alice.sendPoll(shop, { name: 'When?', options: ['now', 'later'], multiple: true });
    expect(await stored(location.id)).toMatchObject({
      type: 'location',
      location: { latitude: 52.5, longitude: 13.4, name: 'Office', address: 'Main Street 1' },
    });
    expect(await stored(one.id)).toMatchObject({ type: 'contact', contacts: [{ name: 'Ben' }] });
    expect(await stored(two.id)).toMatchObject({
      type: 'contact',
      contacts: [{ name: 'Ben' }, { name: 'Cleo' }],
    });
    expect(await stored(poll.id)).toMatchObject({
      type: 'poll',
      poll: { question: 'When?', options: ['now', 'later'], multipleAnswers: true },
      votes: [],
    });
  });

  it('receives replies, and messages, replies and reactions in a group', async () => {
    const first = await alice.send(team, 'Who opens?');
    const reply = await bob.send(team, 'I do', { quoted: first.id });
    await bob.react(first.id, '🙌');
    const question = await stored(first.id, ({ reactions }) => reactions.length > 0);
    expect(question).toMatchObject({
      chatId: `${team.id}@g.us`,
      author: alice.jid,
      text: 'Who opens?',
      reactions: [{ senderId: bob.jid, emoji: '🙌' }],
    });
    expect(await stored(reply.id)).toMatchObject({ author: bob.jid, replyTo: question.messageId });
  });

  it('follows reactions of the other side, and keeps the latest', async () => {
    const { id } = await alice.send(shop, 'react to me');
    await stored(id);
    await alice.react(id, '👍');
    await stored(id, ({ reactions }) => reactions[0]?.emoji === '👍');
    await alice.react(id, '🎉');
    expect((await stored(id, ({ reactions }) => reactions[0]?.emoji === '🎉')).reactions).toMatchObject([
      { senderId: alice.jid, emoji: '🎉' },
    ]);
    await alice.react(id, '');
    await stored(id, ({ reactions }) => reactions.length === 0);
  });

  it('reacts to what came in and to what it sent, and takes it back', async () => {
    const react = (messageId: string, emoji: string) =>
      stage.api.call<ApiMessage>('POST', `/messages/${messageId}/reaction`, { emoji });
    const own = await send({ text: 'ours' });
    const { id } = await alice.send(shop, 'theirs');
    const theirs = await stored(id);
    for (const [messageId, bareId] of [
      [own.message.messageId, own.bareId],
      [theirs.messageId, id],
    ] as const) {
      const { reactions } = await react(messageId, '👍');
      expect(reactions).toMatchObject([{ senderId: shop.jid, emoji: '👍' }]);
      expect((await stage.world.message(bareId)).reactions).toMatchObject({ [shop.number]: '👍' });
      await react(messageId, '👍');
      expect((await react(messageId, '')).reactions).toEqual([]);
      expect((await stage.world.message(bareId)).reactions).toEqual({});
    }
  });

  it('follows votes until they are taken back', async () => {
    const { message, bareId } = await send({
      poll: { question: 'Lunch?', options: ['soup', 'salad', 'none'], multipleAnswers: true },
    });
    await alice.vote(bareId, ['salad', 'none']);
    await stored(bareId, ({ votes }) => votes?.[0]?.options.length === 2);
    await alice.vote(bareId, ['soup']);
    const voted = await stored(bareId, ({ votes }) => votes?.[0]?.options.length === 1);
    expect(voted).toMatchObject({
      messageId: message.messageId,
      votes: [{ voterId: alice.jid, options: ['soup'] }],
    });
    await alice.vote(bareId, []);
    await stored(bareId, ({ votes }) => votes?.length === 0);
  });

  it('tells clients of each reaction and vote once, our own too, with those that the message has then', async () => {
    using client = await RealtimeClient.open(stage.daemon());
    const { message, bareId } = await send({ poll: { question: 'Lunch?', options: ['soup', 'salad'] } });
    const { messageId } = message;
    const isOf = ({ name, payload }: HeardEvent) =>
      name === 'message:status' && payload.messageId === messageId;
    const additionsOf = ({ payload }: HeardEvent) => {
      const { reactions, votes } = payload as Pick<ApiMessage, 'reactions' | 'votes'>;
      const emoji = reactions.map((each) => each.emoji);
      // Those of one second have no order of their own.
      return [...emoji.sort(), ...(votes ?? []).flatMap(({ options }) => options)];
    };
    const told = () => client.events.filter(isOf).map(additionsOf);
    const tells = (...wanted: string[]) =>
      client.heard(() => JSON.stringify(told().at(-1)) === JSON.stringify(wanted));
    const react = (emoji: string) => stage.api.call('POST', `/messages/${messageId}/reaction`, { emoji });
    await client.heard((event) => isOf(event) && event.payload.status === 'delivered');
    const before = told().length;
    await alice.react(bareId, '👍');
    await tells('👍');
    await react('🎉');
    await tells('🎉', '👍');
    await alice.vote(bareId, ['soup']);
    await tells('🎉', '👍', 'soup');
    await alice.react(bareId, '');
    await tells('🎉', 'soup');
    await react('');
    await tells('soup');
    await alice.vote(bareId, []);
    await tells();
    await alice.send(shop, 'that is all');
    await client.hears('that is all');
    expect(told().slice(before)).toEqual([
      ['👍'],
      ['🎉', '👍'],
      ['🎉', '👍', 'soup'],
      ['🎉', 'soup'],
      ['soup'],
      [],
    ]);
  });

  it('keeps what an edited message said before, and what a deleted one said', async () => {
    const { id } = await alice.send(shop, 'Teh price?');
    const { timestamp } = (await stored(id)) as ApiMessage & { timestamp: string };
    await alice.edit(id, 'The price?');
    const edited = await stored(id, ({ text }) => text === 'The price?');
    expect(edited.versions).toEqual([
      { text: 'Teh price?', at: timestamp },
      { text: 'The price?', at: edited.editedAt },
    ]);
    await alice.revoke(id);
    expect(await stored(id, ({ revokedAt }) => revokedAt !== null)).toMatchObject({ text: 'The price?' });
  });

  it.each([
    { name: 'text', body: { text: 'plain' }, type: 'chat' },
    {
      name: 'location',
      body: { location: { latitude: 52.5, longitude: 13.4, name: 'Office' } },
      type: 'location',
    },
    {
      name: 'contact',
      body: { contact: { name: 'Ben', vcard: 'BEGIN:VCARD\nVERSION:3.0\nFN:Ben\nEND:VCARD' } },
      type: 'vcard',
    },
    { name: 'poll', body: { poll: { question: 'When?', options: ['now', 'later'] } }, type: 'poll_creation' },
  ])('sends $name', async ({ body, type }) => {
    const { carried } = await send(body);
    expect(carried).toMatchObject({ type, to: { user: alice.number } });
  });

  it.each(SENT_FILES)('sends a file as $as, byte for byte', async ({ as, type, mimeType, data }) => {
    const { message, carried } = await send({
      media: { data: data.toString('base64'), mimeType },
      mediaType: as,
    });
    expect(message).toMatchObject({ type: as, mimeType, fileSize: data.length });
    expect(carried).toMatchObject({ type, mediaHash: createHash('sha256').update(data).digest('base64') });
  });

  it('sends media and replies', async () => {
    const { id } = await alice.send(shop, 'A picture?');
    const question = await stored(id);
    const { message, carried } = await send({
      media: { data: PIXEL.toString('base64'), mimeType: 'image/png' },
      caption: 'here',
      replyTo: question.messageId,
    });
    expect(message).toMatchObject({ type: 'image', caption: 'here', replyTo: question.messageId });
    expect(carried).toMatchObject({
      type: 'image',
      mediaHash: createHash('sha256').update(PIXEL).digest('base64'),
    });
  });

  it('lists chats and contacts with their names and both addresses', async () => {
    const { contacts, chats } = await stage.api.until('the names of people and groups', async () => {
      await alice.send(shop, 'another look');
      const [people, talks] = await Promise.all([
        stage.api.call<{ id: string; name: string | null }[]>('GET', `/accounts/${accountId}/contacts`),
        stage.api.call<{ id: string; name: string | null }[]>('GET', `/accounts/${accountId}/chats`),
      ]);
      const named = people.some(({ name }) => name !== null) && talks.some(({ name }) => name === 'Team');
      return named ? { contacts: people, chats: talks } : undefined;
    });
    expect(contacts).toContainEqual({
      id: alice.jid,
      phoneNumber: `+${alice.number}`,
      lid: `${alice.lid}@lid`,
      name: 'Alice from the market',
      pushName: 'Alice W.',
      isBusiness: false,
    });
    expect(chats.filter(({ id }) => id.endsWith('@lid'))).toEqual([]);
    expect(chats).toContainEqual(expect.objectContaining({ id: alice.jid, name: 'Alice from the market' }));
    expect(chats).toContainEqual(expect.objectContaining({ id: `${team.id}@g.us`, name: 'Team' }));
  });

  it('takes over reactions, votes, edits and revocations that came while it was away (A14)', async () => {
    const liked = await alice.send(shop, 'like this');
    const edited = await alice.send(shop, 'frist');
    const revoked = await alice.send(shop, 'never mind');
    const poll = await alice.sendPoll(shop, { name: 'When?', options: ['now', 'later'] });
    for (const { id } of [liked, edited, revoked, poll]) await stored(id);
    await alice.react(liked.id, '👍');
    await stored(liked.id, ({ reactions }) => reactions.length === 1);
    expect(await stage.daemon().stop()).toBe(0);
    await alice.react(liked.id, '🎉');
    await alice.edit(edited.id, 'first');
    await alice.revoke(revoked.id);
    await alice.vote(poll.id, ['later']);
    await stage.start();
    const [again] = [await stored(liked.id, ({ reactions }) => reactions[0]?.emoji === '🎉')];
    expect(again.reactions).toHaveLength(1);
    expect((await stored(edited.id, ({ text }) => text === 'first')).versions).toHaveLength(2);
    expect(await stored(revoked.id, ({ revokedAt }) => revokedAt !== null)).toMatchObject({
      text: 'never mind',
    });
    await stored(poll.id, ({ votes }) => votes?.[0]?.options[0] === 'later');
  });
});
