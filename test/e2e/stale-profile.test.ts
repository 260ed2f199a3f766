import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Phone } from '../../simulator/client.ts';
import { settleWithTruth } from '../support/ground-truth.ts';
import { openStage, type Stage } from '../support/stage.ts';

const EQUAL = { lost: [], doubled: [], invented: [], different: [] };

let stage: Stage;
let shop: Phone;
let alice: Phone;
let accountId: string;

beforeEach(async () => {
  stage = await openStage();
  shop = await stage.world.phone('shop');
  alice = await stage.world.phone('alice');
  accountId = await stage.link(shop);
});
afterEach(() => stage[Symbol.asyncDispose]());

async function losesTheProfile(): Promise<void> {
  await stage.daemon().kill();
  await stage.world.waitFor({ away: shop.name });
  // What the browser was killed in may still be written.
  await rm(join(stage.folder, 'data', 'live'), { recursive: true, maxRetries: 20 });
}

/** A machine that is lost after its last snapshot, with what came and went since; then messages come for nobody. */
async function losesTheMachine(): Promise<void> {
  await stage.daemon().stop();
  await stage.start();
  await stage.api.reached(accountId, 'Connected');
  await alice.send(shop, 'after the snapshot');
  await stage.api.message(accountId, 'what came', ({ text }) => text === 'after the snapshot');
  const sent = await stage.api.send(accountId, { to: `+${alice.number}`, text: 'an answer' });
  await stage.api.message(
    accountId,
    'the answer',
    ({ messageId, status }) => messageId === sent && status === 'delivered',
  );
  await losesTheProfile();
  await alice.send(shop, 'for nobody');
}

it.each(['accept', 'retry'] as const)(
  'loses and doubles nothing with a profile that is older than its messages (staleProfile: %s)',
  async (staleProfile) => {
    await losesTheMachine();
    await stage.world.settings({ staleProfile });
    await stage.start();
    await stage.api.reached(accountId, 'Connected');
    await alice.send(shop, 'after the return');
    expect(await settleWithTruth(stage.api, stage.world, { accountId, phone: shop })).toMatchObject(EQUAL);
    expect(stage.daemon().output()).not.toContain('scan this code');
    const messages = await stage.api.messages(accountId);
    expect(messages.filter(({ editedAt }) => editedAt !== null)).toEqual([]);
    expect(messages).toHaveLength(4);
  },
);

/** Starts on the snapshot, and seals another one of the same profile at its end: no page came to anything. */
async function startsInVain(): Promise<void> {
  await stage.world.faults.set({ kind: 'page', mode: 'reset', phone: shop.name });
  await stage.start();
  await stage.api.reached(accountId, 'Reconnecting');
  await stage.daemon().stop();
  await stage.world.faults.clear();
}

it.each<[string, () => Promise<void>]>([
  ['at once', async () => undefined],
  ['after a start in vain, which sealed the profile again', startsInVain],
])('hands nothing over again that may have left after the snapshot (A22): %s', async (_when, before) => {
  await stage.daemon().stop();
  await stage.start();
  await stage.api.reached(accountId, 'Connected');
  // Carried and delivered, and nobody is told.
  await stage.world.faults.set({ kind: 'send', mode: 'noack', count: 1, phone: shop.name });
  await stage.world.faults.set({ kind: 'ack', mode: 'drop', levels: [2], count: 1, phone: shop.name });
  const silent = await stage.api.send(accountId, { to: `+${alice.number}`, text: 'silent' });
  await stage.world.waitFor({ message: { text: 'silent', from: shop.name } });
  const { whatsappMessageId } = await stage.api.message(
    accountId,
    'the claim',
    ({ messageId, whatsappMessageId: id }) => messageId === silent && id !== null,
  );
  await losesTheProfile();
  await before();
  await stage.start();
  await stage.api.reached(accountId, 'Connected');
  const unknown = await stage.api.message(
    accountId,
    'the doubt',
    ({ messageId, status }) => messageId === silent && status === 'unknown',
  );
  expect(unknown).toMatchObject({ whatsappMessageId, failedReason: expect.stringContaining('restored') });
  // Other chats go on, and the page that was given it would have sent it before.
  const bob = await stage.world.phone('bob');
  const other = await stage.api.send(accountId, { to: `+${bob.number}`, text: 'to another' });
  await stage.api.message(
    accountId,
    'the other message',
    ({ messageId, status }) => messageId === other && status === 'delivered',
  );
  const { messages } = await stage.world.truth();
  expect(messages.filter(({ text }) => text === 'silent')).toHaveLength(1);
  const status = (id: string) => stage.api.call('GET', `/messages/${id}`);
  expect(await status(silent)).toMatchObject({ status: 'unknown' });
});

it('says that it was logged out if WhatsApp refuses the older profile, and tries no older one', async () => {
  await losesTheMachine();
  await stage.world.settings({ staleProfile: 'refuse' });
  await stage.start();
  const account = await stage.api.reached(accountId, 'Failed');
  expect(account).toMatchObject({ state: 'needs_human', reason: { code: 'logged_out' } });
  expect(stage.daemon().output()).not.toContain('opened from another copy');
});
