import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { updateAccount } from '../../../src/db/account-directory.ts';
import { ingestAddresses } from '../../../src/db/ingest-store.ts';
import { type Answer, type AnswerBody, openTestServer, type TestServer } from '../../support/http-server.ts';

const TO = '+491700000002';
const KEY = { 'idempotency-key': 'batch-1' };

let server: TestServer;
let id: AccountId;
let number = 491_700_300_000;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  number += 1;
  id = await server.makeAccount({ phoneNumber: `+${number}` });
});

const text = (body: string, given: object = {}) => ({ to: TO, text: body, ...given });

function sendAll(items: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return server.ask('POST', `/accounts/${id}/messages/bulk`, { body: { items }, headers });
}

function resultsOf(answer: Answer): AnswerBody[] {
  expect(answer.status).toBe(202);
  return answer.body.data.results;
}

function rows() {
  return server.db.selectFrom('messages').selectAll().where('account_id', '=', id).orderBy('seq').execute();
}

async function texts(): Promise<(string | null)[]> {
  return (await rows()).map((row) => row.text);
}

async function setDailyLimit(dailyLimit: number): Promise<void> {
  await updateAccount(server.db, id, { dailyLimit }, new Date());
}

/** As if the daemon had died before it could answer the request with this key. */
async function forgetAnswer(key: string): Promise<void> {
  await sql`update idempotency_keys set answer = null, claimed_by = ${server.deps.instanceId}
    where account_id = ${id} and key = ${key}`.execute(server.db);
}

describe('many messages', () => {
  it('are each accepted or rejected by themselves, in their order', async () => {
    const answer = await sendAll([
      text('first'),
      { to: '0170', text: 'to nobody' },
      text('deferrable', { onLimit: 'defer' }),
      text('an answer', { replyTo: 'ABC' }),
      'no object',
      text('unknown', { txt: 1 }),
      { to: TO, mediaUrl: 'http://127.0.0.1/x' },
      text('last'),
    ]);
    const results = resultsOf(answer);
    expect(results.map(({ index, status }) => [index, status])).toEqual([
      [0, 'accepted'],
      [1, 'rejected'],
      [2, 'accepted'],
      [3, 'rejected'],
      [4, 'rejected'],
      [5, 'rejected'],
      [6, 'rejected'],
      [7, 'accepted'],
    ]);
    expect(results[0]).toEqual({
      index: 0,
      status: 'accepted',
      messageId: expect.any(String),
      messageStatus: 'pending',
    });
    const wrong = results.flatMap(({ error }) => (error ? [error] : []));
    expect(wrong.map(({ code, details }) => [code, details[0].field])).toEqual([
      ['VALIDATION_FAILED', 'to'],
      ['VALIDATION_FAILED', 'replyTo'],
      ['VALIDATION_FAILED', 'item'],
      ['VALIDATION_FAILED', 'txt'],
      ['VALIDATION_FAILED', 'mediaUrl'],
    ]);
    expect(answer.body.data).toMatchObject({ accepted: 3, rejected: 5 });
    expect(await texts()).toEqual(['first', 'deferrable', 'last']);
    expect((await rows()).map((row) => row.id)).toEqual(results.flatMap(({ messageId }) => messageId ?? []));
  });

  it('are 1,000 in a few transactions, numbered in their order', async () => {
    const items = Array.from({ length: 1_000 }, (_, nth) => text(String(nth)));
    const results = resultsOf(await sendAll(items));
    expect(results.every(({ status }) => status === 'accepted')).toBe(true);
    const stored = await rows();
    expect(stored.map((row) => row.text)).toEqual(items.map((item) => item.text));
    const { rows: transactions } = await sql`
      select distinct xmin::text from messages where account_id = ${id}`.execute(server.db);
    expect(transactions.length).toBeLessThanOrEqual(10);
    const changes = await server.db
      .selectFrom('message_changes')
      .select(['message_id', 'chat_seq'])
      .where('account_id', '=', id)
      .orderBy('chat_seq')
      .execute();
    expect(changes.map(({ message_id }) => message_id)).toEqual(stored.map((row) => row.id));
  });

  it('may carry every kind of content, and are filed in the chat of the number (A16)', async () => {
    const pair = { lid: '9900011@lid', phone: '491700000002@c.us' };
    await ingestAddresses(server.db, id, [pair], new Date());
    const location = { latitude: 52.5, longitude: 13.4 };
    const results = resultsOf(
      await sendAll([
        { to: pair.lid, location },
        text('a\0b'),
        { to: TO, poll: { question: 'Lunch?', options: ['Yes', 'No'] } },
      ]),
    );
    expect(results.map(({ status }) => status)).toEqual(['accepted', 'accepted', 'accepted']);
    expect(await rows()).toMatchObject([
      { chat_id: pair.phone, payload: { location }, slot_date: expect.any(String) },
      { status: 'failed', failed_code: 'SEND_REFUSED', slot_date: null },
      { type: 'poll', status: 'pending' },
    ]);
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'items'],
    ['no list', 'x', 'items'],
    ['an empty list', [], 'items'],
    ['more than 1,000', Array.from({ length: 1_001 }, () => text('x')), 'items'],
  ])('are refused as a whole: %s', async (_what, items, field) => {
    const answer = await sendAll(items);
    expect([answer.status, answer.body.error.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(answer.body.error.details[0].field).toBe(field);
  });

  it('are refused as a whole while the account may send nothing', async () => {
    await server.accounts.saveState(id, { state: 'disconnected', reason: null });
    const answer = await sendAll([text('x'), text('y')], KEY);
    expect([answer.status, answer.body.error.code]).toEqual([409, 'ACCOUNT_NOT_CONNECTED']);
    await server.accounts.saveState(id, { state: 'connected', reason: null });
    expect(resultsOf(await sendAll([text('x'), text('y')], KEY))).toHaveLength(2);
  });
});

describe('the daily limit of many', () => {
  it('is exact: the first have its slots, the others are rejected or wait', async () => {
    await setDailyLimit(3);
    const results = resultsOf(
      await sendAll([
        text('1'),
        text('2', { onLimit: 'defer' }),
        text('3'),
        text('4'),
        text('5', { onLimit: 'defer' }),
        text('6'),
      ]),
    );
    expect(results.map((each) => each.messageStatus ?? each.error.code)).toEqual([
      'pending',
      'pending',
      'pending',
      'DAILY_LIMIT_EXCEEDED',
      'deferred',
      'DAILY_LIMIT_EXCEEDED',
    ]);
    expect(results[3].error.details).toMatchObject({ dailyLimit: 3, retryAfterSeconds: expect.any(Number) });
    const usage = (await server.ask('GET', `/accounts/${id}/usage`)).body.data[0];
    expect(usage.deferred).toBe(1);
  });

  it('is exact for requests at the same time, single ones among them', async () => {
    await setDailyLimit(250);
    const batch = Array.from({ length: 90 }, (_, nth) => text(String(nth)));
    const [bulks, singles] = await Promise.all([
      Promise.all(Array.from({ length: 3 }, () => sendAll(batch))),
      Promise.all(
        Array.from({ length: 20 }, () =>
          server.ask('POST', `/accounts/${id}/messages`, { body: text('single') }),
        ),
      ),
    ]);
    const accepted =
      bulks.flatMap(resultsOf).filter(({ status }) => status === 'accepted').length +
      singles.filter(({ status }) => status === 202).length;
    expect(accepted).toBe(250);
    expect(await rows()).toHaveLength(250);
  });
});

describe('the Idempotency-Key of many', () => {
  it('answers the stored results, rejections too', async () => {
    await setDailyLimit(1);
    const wrong = { to: 'x', text: '3' };
    const first = await sendAll([text('1'), text('2'), wrong], KEY);
    await setDailyLimit(100);
    const second = await sendAll([{ text: '1', to: TO }, { text: '2', to: TO }, wrong], KEY);
    expect([second.status, second.body]).toEqual([202, first.body]);
    expect(await texts()).toEqual(['1']);
  });

  it('is of one request alone, be it of one message or of many', async () => {
    await sendAll([text('1')], KEY);
    const other = await sendAll([text('2')], KEY);
    expect([other.status, other.body.error.code]).toEqual([409, 'IDEMPOTENCY_CONFLICT']);
    const single = await server.ask('POST', `/accounts/${id}/messages`, { body: text('1'), headers: KEY });
    expect([single.status, single.body.error.code]).toEqual([409, 'IDEMPOTENCY_CONFLICT']);
    const key = { 'idempotency-key': 'single' };
    await server.ask('POST', `/accounts/${id}/messages`, { body: text('1'), headers: key });
    expect((await sendAll([text('1')], key)).body.error.code).toBe('IDEMPOTENCY_CONFLICT');
  });

  it('accepts each item once when a request is repeated that was cut off in the middle', async () => {
    const items = [text('1'), text('2'), text('3')];
    const first = resultsOf(await sendAll(items, KEY));
    await forgetAnswer(KEY['idempotency-key']);
    // The second item was not accepted before the end.
    await server.db.deleteFrom('messages').where('id', '=', first[1].messageId).execute();
    await server.db.deleteFrom('idempotency_keys').where('message_id', '=', first[1].messageId).execute();
    const second = resultsOf(await sendAll(items, KEY));
    expect([second[0], second[2]]).toEqual([first[0], first[2]]);
    expect(second[1].messageId).not.toBe(first[1].messageId);
    expect((await texts()).toSorted()).toEqual(['1', '2', '3']);
    expect(resultsOf(await sendAll(items, KEY))).toEqual(second);
  });

  it('accepts each item once of requests at the same time', async () => {
    const items = Array.from({ length: 150 }, (_, nth) => text(String(nth)));
    const answers = await Promise.all(Array.from({ length: 5 }, () => sendAll(items, KEY)));
    expect(answers.some(({ status }) => status === 202)).toBe(true);
    for (const { status, body } of answers)
      if (status !== 202) expect(body.error.code).toBe('IDEMPOTENCY_IN_PROGRESS');
    expect(await texts()).toEqual(items.map((item) => item.text));
  });

  it('of an item is that of a single send', async () => {
    const item = { ...text('once'), idempotencyKey: 'order-1' };
    const single = await server.ask('POST', `/accounts/${id}/messages`, {
      body: text('once'),
      headers: { 'idempotency-key': 'order-1' },
    });
    const results = resultsOf(
      await sendAll([item, item, { ...item, text: 'other' }, { ...item, idempotencyKey: 'ä' }]),
    );
    const { messageId } = single.body.data;
    expect(results.map((each) => each.messageId ?? each.error.code)).toEqual([
      messageId,
      messageId,
      'IDEMPOTENCY_CONFLICT',
      'VALIDATION_FAILED',
    ]);
    expect(await texts()).toEqual(['once']);
  });

  it('of two equal items makes one message', async () => {
    const item = { ...text('twice'), idempotencyKey: 'order-2' };
    const [first, second] = resultsOf(await sendAll([item, item]));
    expect(second.messageId).toBe(first.messageId);
    expect(await texts()).toEqual(['twice']);
  });

  it('of an item is free again after it was rejected', async () => {
    await setDailyLimit(1);
    const item = { ...text('later'), idempotencyKey: 'order-3' };
    const [, rejected] = resultsOf(await sendAll([text('now'), item]));
    expect(rejected.error.code).toBe('DAILY_LIMIT_EXCEEDED');
    await setDailyLimit(2);
    const [accepted] = resultsOf(await sendAll([item]));
    expect(accepted.status).toBe('accepted');
  });
});
