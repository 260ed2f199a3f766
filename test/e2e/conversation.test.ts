import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Phone } from '../../simulator/client.ts';
import { PIXEL } from '../support/media-files.ts';
import { openStage, type Stage } from '../support/stage.ts';

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe.each([
  { ids: '_serialized', addresses: 'phone' },
  { ids: '$1', addresses: 'phone' },
  { ids: '$1', addresses: 'lid' },
] as const)('one linked account, ids $ids, addresses $addresses (A1, A16)', (dialect) => {
  let stage: Stage;
  let shop: Phone;
  let alice: Phone;
  let accountId: string;

  beforeAll(async () => {
    stage = await openStage();
    await stage.world.settings(dialect);
    shop = await stage.world.phone('shop');
    alice = await stage.world.phone('alice');
    accountId = await stage.link(shop);
  });

  afterAll(async () => {
    const missing = await stage.world.missingModules();
    await stage[Symbol.asyncDispose]();
    expect(missing).toEqual([]);
  });

  const send = (body: object, key?: string) =>
    stage.api.send(accountId, { to: `+${alice.number}`, ...body }, key);
  const stored = (bareId: string) =>
    stage.api.message(
      accountId,
      `message ${bareId}`,
      (message) => message.whatsappMessageId?.includes(bareId) === true,
    );
  const until = (messageId: string, status: string) =>
    stage.api.message(
      accountId,
      `message ${messageId} in status ${status}`,
      (message) => message.messageId === messageId && message.status === status,
    );

  it('knows who is linked', async () => {
    expect(await stage.api.account(accountId)).toMatchObject({
      phoneNumber: `+${shop.number}`,
      connectionStatus: 'Connected',
      state: 'connected',
      reason: null,
    });
  });

  it('stores a text that comes in, in the chat of its phone number', async () => {
    const { id } = await alice.send(shop, 'Good morning');
    expect(await stored(id)).toMatchObject({
      direction: 'incoming',
      type: 'text',
      text: 'Good morning',
      status: 'delivered',
      phoneNumber: `+${alice.number}`,
      chatId: alice.jid,
    });
  });

  it('sends a text and follows it until it is read', async () => {
    const messageId = await send({ text: 'Good morning to you' });
    await until(messageId, 'delivered');
    await alice.read(shop);
    const message = await until(messageId, 'read');
    expect(message).toMatchObject({ direction: 'outgoing', text: 'Good morning to you', chatId: alice.jid });
    const { messages } = await stage.world.truth();
    expect(messages.filter((carried) => carried.text === 'Good morning to you')).toHaveLength(1);
  });

  it('receives media byte for byte', async () => {
    const bytes = randomBytes(300_000);
    const { id } = await alice.sendMedia(shop, {
      kind: 'document',
      data: bytes,
      mimetype: 'application/octet-stream',
      filename: 'plan.bin',
    });
    const message = await stage.api.message(
      accountId,
      'the stored document',
      (each) => each.whatsappMessageId?.includes(id) === true && each.mediaUrl !== null,
    );
    expect(message).toMatchObject({ type: 'document', fileName: 'plan.bin', fileSize: bytes.length });
    const path = String(message.mediaUrl).replace('/api/v1/whatsapp', '');
    expect(sha256(await stage.api.bytes(path))).toBe(sha256(bytes));
  });

  it('sends media byte for byte', async () => {
    const messageId = await send({
      media: { data: PIXEL.toString('base64'), mimeType: 'image/png' },
      caption: 'a pixel',
    });
    const message = await until(messageId, 'delivered');
    expect(message).toMatchObject({ type: 'image', caption: 'a pixel', mimeType: 'image/png' });
    const bareId = String(message.whatsappMessageId).split('_')[2] ?? '';
    expect((await stage.world.message(bareId)).mediaHash).toBe(
      createHash('sha256').update(PIXEL).digest('base64'),
    );
  });

  it('stores location, contact and poll', async () => {
    const location = await alice.sendLocation(shop, { latitude: 52.5, longitude: 13.4, name: 'Office' });
    const contact = await alice.sendContacts(shop, [{ name: 'Ben', number: '4915112345678' }]);
    const poll = await alice.sendPoll(shop, {
      name: 'When?',
      options: ['now', 'later'],
    });
    expect(await stored(location.id)).toMatchObject({
      type: 'location',
      location: { latitude: 52.5, longitude: 13.4, name: 'Office' },
    });
    expect(await stored(contact.id)).toMatchObject({ type: 'contact', contacts: [{ name: 'Ben' }] });
    expect(await stored(poll.id)).toMatchObject({
      type: 'poll',
      text: 'When?',
      poll: { question: 'When?', options: ['now', 'later'] },
    });
  });

  it('knows what a reply replies to, both ways', async () => {
    const question = await alice.send(shop, 'Which colour?');
    const questionRow = await stored(question.id);
    const messageId = await send({ text: 'Blue', replyTo: questionRow.messageId });
    const answer = await until(messageId, 'delivered');
    expect(answer.replyTo).toBe(questionRow.messageId);
    const bareId = String(answer.whatsappMessageId).split('_')[2] ?? '';
    const thanks = await alice.send(shop, 'Thanks', { quoted: bareId });
    expect((await stored(thanks.id)).replyTo).toBe(messageId);
  });

  it('follows edits and revocations', async () => {
    const { id } = await alice.send(shop, 'Teh price?');
    await stored(id);
    await alice.edit(id, 'The price?');
    await stage.api.message(
      accountId,
      'the edited message',
      (message) => message.text === 'The price?' && message.editedAt !== null,
    );
    await alice.revoke(id);
    await stage.api.message(
      accountId,
      'the revoked message',
      (message) => message.whatsappMessageId?.includes(id) === true && message.revokedAt !== null,
    );
  });

  it('stores group messages with their author', async () => {
    const group = await stage.world.group({ subject: 'Team', owner: alice, participants: [alice, shop] });
    const { id } = await alice.send(group, 'Hello all');
    expect(await stored(id)).toMatchObject({
      chatId: `${group.id}@g.us`,
      author: alice.jid,
      text: 'Hello all',
      phoneNumber: null,
    });
  });

  it('sends once for one Idempotency-Key', async () => {
    const first = await send({ text: 'only once' }, 'key-1');
    const second = await send({ text: 'only once' }, 'key-1');
    expect(second).toBe(first);
    await until(first, 'delivered');
    const { messages } = await stage.world.truth();
    expect(messages.filter((carried) => carried.text === 'only once')).toHaveLength(1);
  });

  it('fails a message to a number that is not on WhatsApp, with the reason (F37)', async () => {
    const messageId = await stage.api.send(accountId, { to: '+49000000099', text: 'anyone?' });
    const message = await until(messageId, 'failed');
    expect(message.failedReason).toContain('NOT_ON_WHATSAPP');
  });

  it('comes back without a scan and with what came meanwhile (A14)', async () => {
    expect(await stage.daemon().stop()).toBe(0);
    expect(stage.browsers()).toEqual([]);
    const { id } = await alice.send(shop, 'Are you there?');
    await stage.start();
    await stage.api.reached(accountId, 'Connected');
    expect(await stored(id)).toMatchObject({ text: 'Are you there?', recovered: true });
  });

  it('disconnects for good: logged out, no browser, nothing to restore', async () => {
    await stage.api.call('POST', `/disconnect/${accountId}`);
    await stage.api.call('POST', `/disconnect/${accountId}`);
    expect(await stage.api.account(accountId)).toMatchObject({
      connectionStatus: 'Disconnected',
      reason: { code: 'user_disconnected' },
    });
    expect(stage.browsers()).toEqual([]);
    expect((await shop.view()).devices).toEqual([]);
  });
});
