import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Phone } from '../../simulator/client.ts';
import { openStage, type Stage } from '../support/stage.ts';

let stage: Stage;
let shop: Phone;
let accountId: string;

beforeAll(async () => {
  stage = await openStage();
  shop = await stage.world.phone('shop', { addresses: 'lid', ids: '$1' });
  await stage.world.faults.set({ kind: 'lookup', mode: 'late-lid', phone: 'shop' });
  accountId = await stage.link(shop);
});
afterAll(() => stage[Symbol.asyncDispose]());

const stored = (bareId: string, chatId: string) =>
  stage.api.message(
    accountId,
    `message ${bareId} in ${chatId}`,
    (message) => message.whatsappMessageId?.split('_')[2] === bareId && message.chatId === chatId,
  );

/** Texts of everything that is stored of these chats, sorted. */
async function textsOf(...chatIds: string[]): Promise<(string | null)[]> {
  const messages = await stage.api.messages(accountId);
  return messages
    .filter(({ chatId }) => chatIds.includes(chatId))
    .map(({ text }) => text)
    .sort();
}

it('files a conversation under the number that it is answered by (A16)', async () => {
  const alice = await stage.world.phone('alice');
  const lid = `${alice.lid}@lid`;
  const { id } = await alice.send(shop, 'who am I?');
  expect(await stored(id, lid)).toMatchObject({ phoneNumber: null, author: lid });
  const messageId = await stage.api.send(accountId, { to: `+${alice.number}`, text: 'Alice?' });
  await stage.api.message(
    accountId,
    'the answer, delivered',
    (message) => message.messageId === messageId && message.status === 'delivered',
  );
  expect(await stored(id, alice.jid)).toMatchObject({ phoneNumber: `+${alice.number}`, author: alice.jid });
  const again = await alice.send(shop, 'yes');
  await stored(again.id, alice.jid);
  expect(await textsOf(lid, alice.jid)).toEqual(['Alice?', 'who am I?', 'yes']);
});

it('files it under the number that the page learns by itself, and doubles nothing (A16)', async () => {
  const bob = await stage.world.phone('bob');
  const lid = `${bob.lid}@lid`;
  const first = await bob.send(shop, 'one');
  await stored(first.id, lid);
  await stage.world.faults.clear();
  const second = await bob.send(shop, 'two');
  await stored(second.id, bob.jid);
  await bob.edit(first.id, 'one, better');
  await stage.api.message(accountId, 'the edit', ({ text }) => text === 'one, better');
  await stored(first.id, bob.jid);
  expect(await textsOf(lid, bob.jid)).toEqual(['one, better', 'two']);
  const listed = await stage.api.call<{ id: string }[]>('GET', `/accounts/${accountId}/chats`);
  expect(listed.filter(({ id }) => id === lid)).toEqual([]);
});
