import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountId, TenantId } from '../../../src/accounts/ids.ts';
import { makeWebhookFanOut } from '../../../src/assembly/webhooks.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { takeBatch } from '../../../src/db/change-feed-store.ts';
import { appendChanges, rowToChange } from '../../../src/db/change-log.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { ingestAddresses, ingestEvents } from '../../../src/db/ingest-store.ts';
import { appendState } from '../../../src/db/session-event-store.ts';
import { transact } from '../../../src/db/transaction.ts';
import { changeWebhook, insertWebhook } from '../../../src/db/webhook-store.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { InboundEvent } from '../../../src/messages/inbound-event.ts';
import type { WebhookEvent } from '../../../src/webhooks/event-types.ts';
import { openTestDatabase } from '../../support/database.ts';
import {
  editEvent,
  insertTestAccount,
  messageEvent,
  ownMessageEvent,
  reactionEvent,
  revokeEvent,
  storedMediaEvent,
  T0,
  voteEvent,
} from '../../support/inbound-events.ts';
import { silentLog } from '../../support/silent-log.ts';

const LID = '9900011@lid';
const PHONE = '491700000001@c.us';
const POLL = { question: 'When?', options: ['now', 'later'], multipleAnswers: true };
const IMAGE = { type: 'image', media: { mimeType: 'image/jpeg', fileName: null, fileSize: 99 } } as const;

const stack = new AsyncDisposableStack();
const fanOut = makeWebhookFanOut(systemClock);
let db: Executor;
let account: AccountId;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog, poolSize: 4 })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  account = await insertTestAccount(db);
});

/** Subscribes to these events of the account; returns the webhook's id. */
async function subscribe(...events: WebhookEvent[]): Promise<string> {
  const { id } = await insertWebhook(db, {
    tenantId: 'default' as TenantId,
    accountId: account,
    url: 'https://shop.example/',
    description: null,
    events,
    createdBy: 'test',
    sealSecret: () => Buffer.alloc(0),
  });
  return id;
}

const enable = (id: string, enabled: boolean) =>
  changeWebhook(db, { tenantId: 'default' as TenantId, id, change: { enabled }, now: new Date() });

const ingest = (...events: InboundEvent[]) => ingestEvents(db, account, events, new Date());

/** Reads what has happened, as the feed does, and writes down what is owed. */
async function tell(): Promise<void> {
  for (let hasMore = true; hasMore; ) {
    hasMore = await transact(db, async (trx) => {
      const batch = await takeBatch(trx);
      await fanOut.fanOut(trx, batch);
      return batch.hasMore;
    });
  }
}

/** What the webhook is owed, in its order. */
async function owedTo(webhookId: string) {
  const rows = await db
    .selectFrom('webhook_deliveries')
    .select(['event_id', 'type', 'payload'])
    .where('webhook_id', '=', webhookId)
    .orderBy('id')
    .execute();
  return rows.map(({ event_id: id, type, payload }) => ({ id, type, data: JSON.parse(payload).data }));
}

const textsOf = (owed: Awaited<ReturnType<typeof owedTo>>) => owed.map(({ data }) => data.text);

describe('a message whose file is awaited', () => {
  it.each([
    ['is there', storedMediaEvent('A1', T0 + 1).result, ['stored', expect.stringMatching(/\/media$/)]],
    ['was given up', { status: 'failed' } as const, ['failed', null]],
  ])('is told again once it %s', async (_what, result, expected) => {
    const status = await subscribe('message.status');
    await ingest(messageEvent('A1', IMAGE));
    await tell();
    await ingest({ ...storedMediaEvent('A1', T0 + 1), result });
    await tell();
    const owed = await owedTo(status);
    expect(owed.map(({ type, data }) => [type, data.mediaStatus, data.mediaUrl])).toEqual([
      ['message.status', ...expected],
    ]);
  });
});

describe('a reaction to a message, and a vote in a poll', () => {
  it('are told to those who ask for changes, each as the message has it then, in order', async () => {
    const status = await subscribe('message.received', 'message.status');
    const received = await subscribe('message.received');
    await ingest(messageEvent('A1', { type: 'poll', poll: POLL }));
    await tell();
    for (const event of [
      reactionEvent('A1', '👍', T0 + 1),
      voteEvent('A1', [1], T0 + 2),
      reactionEvent('A1', '', T0 + 3),
      voteEvent('A1', [], T0 + 4),
    ]) {
      await ingest(event);
      await ingest(event);
      await tell();
    }
    const owed = await owedTo(status);
    const emojis = (data: { reactions: { emoji: string }[] }) => data.reactions.map(({ emoji }) => emoji);
    const votes = (data: { votes: { options: string[] }[] }) => data.votes.flatMap(({ options }) => options);
    expect(owed.map(({ type, data }) => [type, emojis(data), votes(data)])).toEqual([
      ['message.received', [], []],
      ['message.status', ['👍'], []],
      ['message.status', ['👍'], ['later']],
      ['message.status', [], ['later']],
      ['message.status', [], []],
    ]);
    expect(new Set(owed.map(({ id }) => id)).size).toBe(owed.length);
    expect(await owedTo(received)).toHaveLength(1);
  });

  it('that came before their message are told with it', async () => {
    const both = await subscribe('message.received', 'message.status');
    const status = await subscribe('message.status');
    await ingest(reactionEvent('A1', '👍', T0 + 1));
    await ingest(messageEvent('A1'));
    await tell();
    const expected = { data: { reactions: [{ emoji: '👍' }] } };
    expect(await owedTo(both)).toMatchObject([{ type: 'message.received', ...expected }]);
    expect(await owedTo(status)).toMatchObject([{ type: 'message.status', ...expected }]);
  });
});

describe('a message that changed before it was told', () => {
  it.each<[string, InboundEvent[], object]>([
    ['revoked', [revokeEvent('A1', T0 + 1)], { revokedAt: new Date(T0 + 1).toISOString() }],
    ['edited', [editEvent('A1', 'new', T0 + 1)], { text: 'new', editedAt: new Date(T0 + 1).toISOString() }],
  ])('and was %s is told of to each webhook once, by what it asked for', async (_what, changes, expected) => {
    const both = await subscribe('message.received', 'message.status');
    const received = await subscribe('message.received');
    const status = await subscribe('message.status');
    await ingest(messageEvent('A1'), ...changes);
    await ingest(messageEvent('A2'));
    await tell();
    for (const webhook of [both, received])
      expect(await owedTo(webhook)).toMatchObject([
        { type: 'message.received', data: expected },
        { type: 'message.received' },
      ]);
    expect(await owedTo(status)).toMatchObject([{ type: 'message.status', data: expected }]);
  });

  it('is told of to those who ask for changes alone, also where the change came before the message', async () => {
    const status = await subscribe('message.status');
    await ingest(revokeEvent('A1', T0 + 1));
    await ingest(messageEvent('A1'));
    await tell();
    expect(await owedTo(status)).toMatchObject([
      { type: 'message.status', data: { revokedAt: new Date(T0 + 1).toISOString() } },
    ]);
  });
});

describe('a chat that turns out to be one with another', () => {
  const inChat = (chatId: string, bareId: string) =>
    messageEvent(bareId, {
      key: { fromMe: false, chatId, bareId, participant: null },
      chatId,
      author: chatId,
    });

  it('is told once, under the ids of before, however much of either half was told', async () => {
    const webhook = await subscribe('message.received', 'message.status');
    await ingest(inChat(LID, 'A1'), inChat(LID, 'A2'));
    await ingest(inChat(PHONE, 'B1'));
    await tell();
    await ingest(inChat(PHONE, 'B2'), inChat(PHONE, 'B3'));
    await ingest(inChat(LID, 'A3'), { ...editEvent('A1', 'new', T0 + 1), ...inNames(LID, 'A1') });
    await ingestAddresses(db, account, [{ lid: LID, phone: PHONE }], new Date());
    await tell();
    const owed = await owedTo(webhook);
    expect(owed.map(({ type, data }) => `${type} ${data.text}`)).toEqual([
      'message.received text of B1',
      'message.received text of A1',
      'message.received text of A2',
      'message.received text of B2',
      'message.received text of B3',
      'message.received text of A3',
      'message.status new',
    ]);
    expect(new Set(owed.map(({ id }) => id)).size).toBe(owed.length);
  });

  it('has a message told once that stood under both names and was told under one', async () => {
    const webhook = await subscribe('message.received');
    await ingest(inChat(LID, 'A1'));
    await tell();
    await ingest(inChat(PHONE, 'A1'));
    await ingestAddresses(db, account, [{ lid: LID, phone: PHONE }], new Date());
    await tell();
    expect(textsOf(await owedTo(webhook))).toEqual(['text of A1']);
  });

  it('gives an incoming message one id, whatever else is told of it with it', async () => {
    const webhook = await subscribe('message.received');
    await ingest(messageEvent('A1'));
    await tell();
    const [first] = await owedTo(webhook);
    // As if it were read anew, together with what came later.
    await ingest(editEvent('A1', 'new', T0 + 1));
    await db.updateTable('chats').set({ told_seq: 0 }).where('account_id', '=', account).execute();
    await db.deleteFrom('webhook_deliveries').execute();
    await tell();
    expect((await owedTo(webhook)).map(({ id }) => id)).toEqual([first?.id]);
  });
});

function inNames(chatId: string, bareId: string) {
  return { chatId, key: { fromMe: false, chatId, bareId, participant: null } };
}

describe('who subscribes while something happens', () => {
  it('is owed a message whose transaction ends afterwards, and none that was before', async () => {
    await ingest(messageEvent('before'));
    const webhook = await acrossLock(
      (trx) =>
        trx.selectFrom('chats').select('chat_id').where('account_id', '=', account).forUpdate().execute(),
      () => ingest(messageEvent('after')),
      () => subscribe('message.received'),
    );
    await tell();
    expect(textsOf(await owedTo(webhook))).toEqual(['text of after']);
  });

  it('is owed a state whose transaction ends afterwards', async () => {
    const webhook = await acrossLock(
      (trx) => trx.selectFrom('accounts').select('id').where('id', '=', account).forUpdate().execute(),
      () => makeAccountStore(db).saveState(account, { state: 'needs_human', reason: 'banned' }),
      () => subscribe('account.needs_human'),
    );
    await tell();
    expect((await owedTo(webhook)).map(({ type }) => type)).toEqual(['account.needs_human']);
  });

  it('is owed what was written before and is committed afterwards', async () => {
    const { added } = await ingest(ownMessageEvent('mine'));
    await tell();
    const [written, subscribed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const writing = transact(db, async (trx) => {
      const row = { id: String(added[0]), chat_id: PHONE, phone_number: null };
      await appendChanges(trx, account, [rowToChange(row, 'status')]);
      const state = { state: 'needs_human', reason: 'banned' } as const;
      await appendState(trx, { accountId: account, instanceId: null, ...state });
      written.resolve();
      await subscribed.promise;
    });
    await written.promise;
    const webhook = await subscribe('message.status', 'account.needs_human');
    subscribed.resolve();
    await writing;
    await tell();
    expect((await owedTo(webhook)).map(({ type }) => type)).toEqual([
      'message.status',
      'account.needs_human',
    ]);
  });

  it('is owed what happens from then on, and nothing of the time between, where a user had ended it', async () => {
    const webhook = await subscribe('message.received');
    await enable(webhook, false);
    await ingest(messageEvent('between'));
    await enable(webhook, true);
    await ingest(messageEvent('after'));
    await tell();
    expect(textsOf(await owedTo(webhook))).toEqual(['text of after']);
  });

  it('is not owed a message from before for what became of it afterwards', async () => {
    await ingest(messageEvent('before'));
    const both = await subscribe('message.received', 'message.status');
    const received = await subscribe('message.received');
    await ingest(editEvent('before', 'new', T0 + 1));
    await tell();
    expect(await owedTo(both)).toMatchObject([{ type: 'message.status', data: { text: 'new' } }]);
    expect(await owedTo(received)).toEqual([]);
  });
});

/** Does `meanwhile` while `work` has begun and waits for what `lock` holds. */
async function acrossLock<T>(
  lock: (trx: Executor) => Promise<unknown>,
  work: () => Promise<unknown>,
  meanwhile: () => Promise<T>,
): Promise<T> {
  const [held, freed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const holding = transact(db, async (trx) => {
    await lock(trx);
    held.resolve();
    await freed.promise;
  });
  await held.promise;
  const working = work();
  while (!(await isAnybodyBlocked()));
  const result = await meanwhile();
  freed.resolve();
  await Promise.all([holding, working]);
  return result;
}

async function isAnybodyBlocked(): Promise<boolean> {
  const { rows } = await sql`
    select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(db);
  return rows.length > 0;
}
