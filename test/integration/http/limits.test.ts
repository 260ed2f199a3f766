import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { claimForSending } from '../../../src/db/send-claim.ts';
import { callSideBySide } from '../../support/callers.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { scaled } from '../../support/scale.ts';
import { findNextToSend } from '../../support/single-messages.ts';

const TEXT = { to: '+491700000002', text: 'hello' };
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

let server: TestServer;
let id: AccountId;
let number = 491_700_200_000;
let woken: AccountId[];
beforeAll(async () => {
  server = await openTestServer();
  const { outbox } = server.deps;
  outbox.wake = (accountId) => void woken.push(accountId);
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  number += 1;
  id = await server.makeAccount({ phoneNumber: `+${number}` });
  woken = [];
});

function send(body: unknown = TEXT, headers: Record<string, string> = {}) {
  return server.ask('POST', `/accounts/${id}/messages`, { body, headers });
}

function change(body: object) {
  return server.ask('PATCH', `/accounts/${id}`, { body });
}

function cancel(messageId: string) {
  return server.ask('POST', `/messages/${messageId}/cancel`);
}

async function statusOf(messageId: string): Promise<string> {
  return (await server.ask('GET', `/messages/${messageId}`)).body.data.status;
}

function countMessages() {
  return server.db.selectFrom('messages').select('id').where('account_id', '=', id).execute();
}

/** Hands the next message over, as the sender would. */
async function handNext(bareId: string) {
  const message = await findNextToSend(server.db, id, [], { at: new Date() });
  if (message === undefined) return undefined;
  const key = { fromMe: true, chatId: message.chatId, bareId, participant: null };
  const claim = { at: new Date(), perMinute: 0, instanceId: parseInstanceId('one'), epoch: 1 };
  await claimForSending(server.db, message, { key, chatId: message.chatId }, claim);
  return message.id;
}

describe('a full day', () => {
  it('answers 429 with Retry-After, and nothing is stored', async () => {
    await change({ dailyLimit: 1, timezone: 'Pacific/Kiritimati' });
    expect((await send()).status).toBe(202);
    const answer = await send();
    expect(answer.status).toBe(429);
    expect(answer.body.error).toMatchObject({
      code: 'DAILY_LIMIT_EXCEEDED',
      details: { dailyLimit: 1, nextAt: expect.stringMatching(/T10:00:00\.000Z$/) },
    });
    const restMs = Date.parse(answer.body.error.details.nextAt) - Date.now();
    const retryAfter = Number(answer.headers.get('retry-after'));
    expect(retryAfter).toBe(answer.body.error.details.retryAfterSeconds);
    expect(Math.abs(retryAfter - restMs / 1_000)).toBeLessThan(5);
    expect(await countMessages()).toHaveLength(1);
  });

  it('refuses media before it is fetched or kept', async () => {
    await change({ dailyLimit: 1 });
    await send();
    const unknown = await send({ to: TEXT.to, media: { mediaId: 'x' } });
    expect(unknown.status).toBe(429);
    const data = { data: PNG.toString('base64'), mimeType: 'image/png' };
    expect((await send({ to: TEXT.to, media: data })).status).toBe(429);
  });

  it('gives the Idempotency-Key back, which may be used when there is room', async () => {
    const key = { 'idempotency-key': 'order-1' };
    await change({ dailyLimit: 1 });
    await send();
    expect((await send(TEXT, key)).status).toBe(429);
    expect((await send(TEXT, key)).status).toBe(429);
    await change({ dailyLimit: 2 });
    const accepted = await send(TEXT, key);
    expect(accepted.status).toBe(202);
    expect((await send(TEXT, key)).body).toEqual(accepted.body);
    expect((await send()).status).toBe(429);
  });

  it('keeps what asks to wait, and answers the key again as it was answered', async () => {
    const key = { 'idempotency-key': 'order-2' };
    await change({ dailyLimit: 1 });
    await send();
    const deferred = await send({ ...TEXT, onLimit: 'defer' }, key);
    expect([deferred.status, deferred.body.data.status]).toEqual([202, 'deferred']);
    const { messageId } = deferred.body.data;
    expect(await statusOf(messageId)).toBe('deferred');
    await change({ dailyLimit: 2 });
    expect(woken).toEqual([id, id]);
    expect(await statusOf(messageId)).toBe('pending');
    expect((await send({ ...TEXT, onLimit: 'defer' }, key)).body).toEqual(deferred.body);
  });

  it.each([
    ['from clients that are turned away', 'reject'],
    ['from clients that wait', 'defer'],
  ])('of a flood %s accepts exactly the limit', async (_what, onLimit) => {
    const dailyLimit = 25;
    await change({ dailyLimit });
    const answers = await callSideBySide({ count: scaled(120, 2_000), callers: 120 }, (index) =>
      send({ to: `+49170${1_000_000 + index}`, text: String(index), onLimit }),
    );
    const refused = answers.filter(({ status }) => status === 429);
    const pending = answers.filter(({ body }) => body.data?.status === 'pending');
    const deferred = answers.filter(({ body }) => body.data?.status === 'deferred');
    expect(pending).toHaveLength(dailyLimit);
    expect(refused.length + deferred.length).toBe(answers.length - dailyLimit);
    expect(onLimit === 'defer' ? refused : deferred).toHaveLength(0);
    let sent = 0;
    while ((await handNext(`F${sent}`)) !== undefined) sent += 1;
    expect(sent).toBe(dailyLimit);
    const [today] = (await server.ask('GET', `/accounts/${id}/usage`)).body.data;
    expect(today).toMatchObject({ sent: dailyLimit, deferred: deferred.length });
  });
});

describe('cancelling', () => {
  it('ends a pending message, and its place goes to a deferred one', async () => {
    await change({ dailyLimit: 1 });
    const first = (await send()).body.data.messageId;
    const second = (await send({ ...TEXT, onLimit: 'defer' })).body.data.messageId;
    const answer = await cancel(first);
    expect(answer.status).toBe(200);
    expect(answer.body.data).toMatchObject({ messageId: first, status: 'cancelled', handedAt: null });
    expect(await statusOf(second)).toBe('pending');
    expect(await handNext('A')).toBe(second);
  });

  it('ends a deferred message, and later ones of its chat go on', async () => {
    await change({ dailyLimit: 1 });
    await send();
    const deferred = (await send({ ...TEXT, onLimit: 'defer' })).body.data.messageId;
    expect((await cancel(deferred)).body.data.status).toBe('cancelled');
    await change({ dailyLimit: 5 });
    expect(await statusOf(deferred)).toBe('cancelled');
  });

  it('is refused for what was handed over, has ended, or came in', async () => {
    const { messageId } = (await send()).body.data;
    await handNext('A');
    const handed = await cancel(messageId);
    expect([handed.status, handed.body.error.code]).toEqual([409, 'MESSAGE_NOT_CANCELLABLE']);
    const second = (await send()).body.data.messageId;
    expect((await cancel(second)).status).toBe(200);
    expect((await cancel(second)).status).toBe(409);
    expect((await cancel(crypto.randomUUID())).body.error.code).toBe('MESSAGE_NOT_FOUND');
  });

  it("is not for viewers, nor for another tenant's messages", async () => {
    const { messageId } = (await send()).body.data;
    const path = `/messages/${messageId}/cancel`;
    const viewer = await server.makeKey('viewer');
    expect((await server.ask('POST', path, { key: viewer })).status).toBe(403);
    const stranger = await server.makeKey('owner', 'elsewhere');
    expect((await server.ask('POST', path, { key: stranger })).status).toBe(404);
    expect(await statusOf(messageId)).toBe('pending');
  });
});

describe('the usage of an account', () => {
  function usage(query = '') {
    return server.ask('GET', `/accounts/${id}/usage${query}`);
  }

  beforeEach(async () => {
    await server.db
      .updateTable('accounts')
      .set({ created_at: new Date(Date.now() - 5 * 86_400_000) })
      .where('id', '=', id)
      .execute();
  });

  function dayAgo(days: number): string {
    return new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
  }

  it('is told day by day from its creation to today, newest first', async () => {
    await server.db
      .insertInto('account_usage')
      .values({ account_id: id, local_date: dayAgo(2), sent: 3, received: 4, failed: 1, deferred: 2 })
      .execute();
    const { body } = await usage();
    expect(body.data.map(({ date }: { date: string }) => date)).toEqual([0, 1, 2, 3, 4, 5].map(dayAgo));
    expect(body).toMatchObject({ success: true, count: 6, nextCursor: null });
    expect(body.data[2]).toEqual({ date: dayAgo(2), sent: 3, received: 4, failed: 1, deferred: 2 });
    expect(body.data[1]).toEqual({ date: dayAgo(1), sent: 0, received: 0, failed: 0, deferred: 0 });
  });

  it('comes by the page and within dates', async () => {
    const first = (await usage('?limit=4')).body;
    const second = (await usage(`?limit=4&cursor=${first.nextCursor}`)).body;
    const dates = [...first.data, ...second.data].map(({ date }: { date: string }) => date);
    expect(dates).toEqual([0, 1, 2, 3, 4, 5].map(dayAgo));
    expect(second.nextCursor).toBeNull();
    const some = (await usage(`?from=${dayAgo(3)}&to=${dayAgo(2)}`)).body;
    expect(some.data.map(({ date }: { date: string }) => date)).toEqual([dayAgo(2), dayAgo(3)]);
    expect((await usage(`?from=${dayAgo(-3)}`)).body).toMatchObject({ data: [], count: 0 });
    expect((await usage('?from=1999-01-01&to=9999-12-31')).body.count).toBe(6);
  });

  it.each([
    ['?from=2026-02-30', 'from'],
    ['?to=yesterday', 'to'],
    ['?from=2026-03-02&to=2026-03-01', 'to'],
    ['?since=2026-03-02', 'since'],
    ['?limit=0', 'limit'],
    ['?cursor=x', 'cursor'],
  ])('refuses %s by name', async (query, field) => {
    const answer = await usage(query);
    expect(answer.status).toBe(400);
    expect(answer.body.error.details).toMatchObject([{ field }]);
  });

  it('is of the tenant alone', async () => {
    const key = await server.makeKey('owner', 'elsewhere');
    expect((await server.ask('GET', `/accounts/${id}/usage`, { key })).status).toBe(404);
  });

  it('decides the health of the account', async () => {
    await change({ dailyLimit: 10 });
    const health = async () => {
      const { healthStatus, usagePercentage } = (await server.ask('GET', `/health/${id}`)).body.data;
      return [usagePercentage, healthStatus];
    };
    const seen = [];
    for (let sent = 1; sent <= 10; sent += 1) {
      await send();
      await handNext(`H${sent}`);
      seen.push(await health());
    }
    expect(seen.slice(5)).toEqual([
      [60, 'Healthy'],
      [70, 'Warning'],
      [80, 'Warning'],
      [90, 'Warning'],
      [100, 'Critical'],
    ]);
  });
});
