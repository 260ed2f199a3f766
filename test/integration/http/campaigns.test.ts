import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, parseTenantId } from '../../../src/accounts/ids.ts';
import { updateAccount } from '../../../src/db/account-directory.ts';
import { deleteExpiredMessages, saveRetention } from '../../../src/db/retention.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { type CampaignFeeder, openCampaignFeeder } from '../../../src/messages/campaign-feeder.ts';
import { MAX_UNHANDED } from '../../../src/messages/campaign-rule.ts';
import { makeCampaigns } from '../../../src/messages/campaigns.ts';
import { IdempotencyKeys } from '../../../src/messages/idempotency-keys.ts';
import type { SendRequest } from '../../../src/messages/send-request.ts';
import { type Answer, type AnswerBody, openTestServer, type TestServer } from '../../support/http-server.ts';

const TO = '+491700000002';
/** Messages that may leave in a minute. */
const PER_MINUTE = MAX_UNHANDED + 2;
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

let server: TestServer;
let id: AccountId;
let feeder: CampaignFeeder;
let number = 491_700_400_000;
beforeAll(async () => {
  server = await openTestServer({ messageRateLimit: PER_MINUTE });
  const { db } = server;
  feeder = openCampaignFeeder({
    db,
    takeMedia: async (_account, source, { as, fileName }) => ({
      sha256: JSON.stringify(source),
      mimeType: 'image/png',
      fileName,
      fileSize: 7,
      as: as ?? 'image',
    }),
    clock: systemClock,
    log: server.log,
    onFed: () => undefined,
  });
});
afterAll(async () => {
  await feeder[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});
beforeEach(async () => {
  number += 1;
  id = await server.makeAccount({ phoneNumber: `+${number}` });
});

const texts = (count: number) => Array.from({ length: count }, (_, nth) => ({ to: TO, text: String(nth) }));

function create(items: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const body = { name: 'May', items };
  return server.ask('POST', `/accounts/${id}/campaigns`, { body, headers });
}

async function created(items: unknown): Promise<string> {
  const answer = await create(items);
  expect(answer.status).toBe(201);
  return answer.body.data.campaignId;
}

async function read(campaignId: string): Promise<AnswerBody> {
  const answer = await server.ask('GET', `/campaigns/${campaignId}`);
  expect(answer.status).toBe(200);
  return answer.body.data;
}

const act = (campaignId: string, action: string) => server.ask('POST', `/campaigns/${campaignId}/${action}`);

async function itemsOf(campaignId: string): Promise<AnswerBody[]> {
  return (await server.ask('GET', `/campaigns/${campaignId}/items?limit=100`)).body.data;
}

/** Connects the account's campaigns for as long as there is something that they can do. */
async function feed(): Promise<void> {
  const connection = new AbortController();
  const waits = server.log.next('The campaigns of an account wait');
  const ended = feeder.run(id, connection.signal);
  await waits;
  connection.abort();
  await ended;
}

/** As if all that waits had been handed over, and had come so far. */
async function handAll(status = 'sent'): Promise<void> {
  await sql`update messages set handed_at = now(), status = ${status}
    where account_id = ${id} and direction = 'outgoing' and handed_at is null and status = 'pending'`.execute(
    server.db,
  );
}

function rows() {
  return server.db.selectFrom('messages').selectAll().where('account_id', '=', id).orderBy('seq').execute();
}

async function setDailyLimit(dailyLimit: number): Promise<void> {
  await updateAccount(server.db, id, { dailyLimit }, new Date());
}

it('ends at once with its connection while a file is fetched, and the item goes on waiting', async () => {
  const fetching = Promise.withResolvers<AbortSignal | undefined>();
  await using slow = openCampaignFeeder({
    db: server.db,
    takeMedia: (_account, _source, { signal }) => {
      fetching.resolve(signal);
      return new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
      });
    },
    clock: systemClock,
    log: server.log,
    onFed: () => undefined,
  });
  const campaignId = await created([{ to: TO, media: { url: 'https://files.example.com/a.png' } }]);
  const connection = new AbortController();
  const run = slow.run(id, connection.signal);
  expect((await fetching.promise)?.aborted).toBe(false);
  connection.abort();
  await run;
  expect((await read(campaignId)).counts).toMatchObject({ waiting: 1, rejected: 0 });
});

it('is not created if its data cannot be kept in time, and its key is free again', async () => {
  const { db, log } = server;
  const keys = new IdempotencyKeys({ db, instanceId: server.deps.instanceId, log });
  // A storage that does not end.
  const keepData = () => Promise.withResolvers<never>().promise;
  const deps = { db, keys, keepData, wake: () => undefined, clock: systemClock };
  const source = { from: 'data', data: PNG, mimeType: 'image/png' } as const;
  const content = { kind: 'media', source, as: null, caption: null, fileName: null } as const;
  const items: SendRequest[] = [{ to: '491700000002@c.us', content, replyTo: null, onLimit: 'reject' }];
  const options = { idempotencyKey: 'slow', requestHash: 'h' };
  const creating = makeCampaigns({ ...deps, filesMs: 20 }).create({ id }, { name: 'May', items }, options);
  await expect(creating).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  const kept = makeCampaigns({ ...deps, keepData: async () => ({ mediaId: 'm' }) });
  expect(await kept.create({ id }, { name: 'May', items }, options)).toEqual(expect.any(String));
});

describe('a campaign', () => {
  it('is created, and tells its progress', async () => {
    const answer = await create(texts(3));
    expect([answer.status, answer.body.data]).toEqual([
      201,
      { campaignId: expect.any(String), status: 'running', total: 3 },
    ]);
    const { campaignId } = answer.body.data;
    expect(await read(campaignId)).toMatchObject({
      campaignId,
      accountId: id,
      name: 'May',
      status: 'running',
      total: 3,
      endedAt: null,
      progress: {
        total: 3,
        waiting: 3,
        accepted: 0,
        sent: 0,
        delivered: 0,
        read: 0,
        failed: 0,
        cancelled: 0,
      },
      waitsFor: null,
    });
    const { data } = (await server.ask('GET', `/accounts/${id}`)).body;
    expect(data._count.campaigns).toBe(1);
  });

  it.each<[string, unknown, string[]]>([
    ['nothing', undefined, ['items']],
    ['an empty list', [], ['items']],
    ['more than 1,000', texts(1_001), ['items']],
    [
      'wrong items',
      [...texts(1), { to: 'x', text: '' }, { to: TO, text: 'x', onLimit: 'defer' }],
      ['items.1.text', 'items.1.to', 'items.2.onLimit'],
    ],
    ['data that is none', [{ to: TO, media: { data: '?', mimeType: 'image/png' } }], ['items.0.media.data']],
  ])('is refused with every field named: %s', async (_what, items, fields) => {
    const answer = await create(items);
    expect([answer.status, answer.body.error.code]).toEqual([400, 'VALIDATION_FAILED']);
    const named = answer.body.error.details.map(({ field }: { field: string }) => field);
    expect(named.toSorted()).toEqual(fields);
  });

  it('is one for requests with the same key and body', async () => {
    const key = { 'idempotency-key': 'may' };
    const answers = await Promise.all(Array.from({ length: 5 }, () => create(texts(2), key)));
    const last = await create(texts(2), key);
    expect(last.status).toBe(201);
    for (const { status, body } of answers)
      if (status === 201) expect(body).toEqual(last.body);
      else expect(body.error.code).toBe('IDEMPOTENCY_IN_PROGRESS');
    expect((await create(texts(3), key)).body.error.code).toBe('IDEMPOTENCY_CONFLICT');
    const list = await server.ask('GET', `/accounts/${id}/campaigns`);
    expect(list.body.count).toBe(1);
  });

  it('is listed, newest first, in pages; so are its items, in their order', async () => {
    const all = [await created(texts(3)), await created(texts(1)), await created(texts(1))];
    const first = await server.ask('GET', `/accounts/${id}/campaigns?limit=2`);
    const second = await server.ask(
      'GET',
      `/accounts/${id}/campaigns?limit=2&cursor=${first.body.nextCursor}`,
    );
    const listed = [...first.body.data, ...second.body.data].map(({ campaignId }) => campaignId);
    expect(listed).toEqual(all.toReversed());
    expect(second.body.nextCursor).toBeNull();
    const items = await server.ask('GET', `/campaigns/${all[0]}/items?limit=2`);
    expect(items.body.data).toEqual([
      { index: 0, to: '491700000002@c.us', status: 'waiting', messageId: null, error: null },
      { index: 1, to: '491700000002@c.us', status: 'waiting', messageId: null, error: null },
    ]);
    const rest = await server.ask(
      'GET',
      `/campaigns/${all[0]}/items?limit=2&cursor=${items.body.nextCursor}`,
    );
    expect(rest.body.data.map(({ index }: { index: number }) => index)).toEqual([2]);
  });

  it('that does not exist is 404', async () => {
    for (const name of ['x', crypto.randomUUID()]) {
      const answer = await server.ask('GET', `/campaigns/${name}`);
      expect([answer.status, answer.body.error.code]).toEqual([404, 'CAMPAIGN_NOT_FOUND']);
    }
  });
});

describe('the items of a campaign', () => {
  it('become messages in their order, a few at a time, and the campaign is completed with the last', async () => {
    const campaignId = await created(texts(MAX_UNHANDED + 2));
    await feed();
    expect((await rows()).map((row) => row.text)).toEqual(['0', '1', '2', '3'].slice(0, MAX_UNHANDED));
    await feed();
    expect(await rows()).toHaveLength(MAX_UNHANDED);
    await handAll('read');
    await feed();
    expect((await rows()).map((row) => row.text)).toEqual(texts(MAX_UNHANDED + 2).map((item) => item.text));
    expect(await read(campaignId)).toMatchObject({
      status: 'completed',
      endedAt: expect.any(String),
      progress: {
        waiting: 0,
        accepted: MAX_UNHANDED + 2,
        sent: MAX_UNHANDED,
        delivered: MAX_UNHANDED,
        read: MAX_UNHANDED,
      },
      counts: { read: MAX_UNHANDED, pending: 2, waiting: 0 },
    });
    const stored = await rows();
    expect((await itemsOf(campaignId)).map(({ messageId }) => messageId)).toEqual(
      stored.map((row) => row.id),
    );
  });

  it('are rejected for what a single send would be refused for, and the others go on', async () => {
    const campaignId = await created([
      { to: TO, text: 'an answer', replyTo: 'ABC' },
      { to: TO, text: 'a\0b' },
      { to: TO, media: { data: PNG, mimeType: 'image/png' }, caption: 'c' },
    ]);
    await feed();
    expect(await itemsOf(campaignId)).toMatchObject([
      {
        status: 'rejected',
        error: { code: 'VALIDATION_FAILED', message: expect.stringContaining('replyTo: There is no such') },
        messageId: null,
      },
      { status: 'failed', error: { code: 'SEND_REFUSED' } },
      { status: 'pending', error: null },
    ]);
    expect((await rows()).at(-1)).toMatchObject({
      type: 'image',
      caption: 'c',
      media_sha256: expect.stringContaining('upload'),
    });
    expect(await read(campaignId)).toMatchObject({
      status: 'completed',
      progress: { failed: 2, accepted: 2 },
    });
  });

  it('wait while the daily limit is used up, which the campaign says, and for a connection', async () => {
    await setDailyLimit(2);
    const campaignId = await created(texts(3));
    await feed();
    expect(await rows()).toHaveLength(2);
    expect(await read(campaignId)).toMatchObject({
      status: 'running',
      progress: { waiting: 1, accepted: 2, failed: 0 },
      waitsFor: 'daily-limit',
      waitsUntil: expect.any(String),
    });
    await server.accounts.saveState(id, { state: 'disconnected', reason: null });
    expect(await read(campaignId)).toMatchObject({ waitsFor: 'connection', waitsUntil: null });
    await setDailyLimit(3);
    await feed();
    expect((await rows()).map((row) => row.text)).toEqual(['0', '1', '2']);
  });

  it('wait while the minute is full, and the campaign says until when', async () => {
    const campaignId = await created(texts(3 * MAX_UNHANDED));
    await feed();
    await handAll();
    await feed();
    expect(await read(campaignId)).toMatchObject({ waitsFor: null, waitsUntil: null });
    const first = new Date(Date.now() - 20_000);
    await sql`update messages set handed_at = now(), status = 'sent'
      where account_id = ${id} and text in ('4', '5')`.execute(server.db);
    await sql`update messages set handed_at = ${first} where account_id = ${id} and text = '0'`.execute(
      server.db,
    );
    expect(await read(campaignId)).toMatchObject({
      status: 'running',
      progress: { waiting: MAX_UNHANDED, sent: PER_MINUTE },
      waitsFor: 'rate-limit',
      waitsUntil: new Date(first.getTime() + 60_000).toISOString(),
    });
    expect((await act(campaignId, 'pause')).body.data).toMatchObject({ waitsFor: null, waitsUntil: null });
    expect((await act(campaignId, 'resume')).body.data).toMatchObject({ waitsFor: 'rate-limit' });
    await setDailyLimit(2);
    expect(await read(campaignId)).toMatchObject({ waitsFor: 'daily-limit' });
  });

  it('are accepted once, however many feed', async () => {
    const campaignId = await created(texts(40));
    const connection = new AbortController();
    const ended = Array.from({ length: 3 }, () => feeder.run(id, connection.signal));
    await expect
      .poll(
        async () => {
          await handAll();
          feeder.wake(id);
          return (await read(campaignId)).status;
        },
        { timeout: 30_000 },
      )
      .toBe('completed');
    connection.abort();
    await Promise.all(ended);
    expect((await rows()).map((row) => row.text)).toEqual(texts(40).map((item) => item.text));
  });

  it('of an older campaign go first', async () => {
    await created([{ to: TO, text: 'older' }]);
    await created([{ to: TO, text: 'newer' }]);
    await feed();
    expect((await rows()).map((row) => row.text)).toEqual(['older', 'newer']);
  });
});

describe('pausing, resuming and cancelling', () => {
  it('stops at once, and goes on where it was', async () => {
    const campaignId = await created(texts(6));
    await feed();
    expect((await act(campaignId, 'pause')).body.data.status).toBe('paused');
    expect((await act(campaignId, 'pause')).status).toBe(200);
    await handAll();
    await feed();
    expect(await rows()).toHaveLength(MAX_UNHANDED);
    expect((await act(campaignId, 'resume')).body.data).toMatchObject({ status: 'running', waitsFor: null });
    await feed();
    expect((await rows()).map((row) => row.text)).toEqual(texts(6).map((item) => item.text));
    for (const action of ['pause', 'resume'])
      expect((await act(campaignId, action)).body.error).toMatchObject({
        code: 'CAMPAIGN_ENDED',
        message: expect.stringContaining('is completed'),
      });
  });

  it('cancels what waits and what was not handed over, whose slots are free again', async () => {
    await setDailyLimit(5);
    const campaignId = await created(texts(10));
    await feed();
    await sql`update messages set handed_at = now(), status = 'sent' where account_id = ${id} and text = '0'`.execute(
      server.db,
    );
    const answer = await act(campaignId, 'cancel');
    expect(answer.body.data).toMatchObject({
      status: 'cancelled',
      progress: { total: 10, waiting: 0, accepted: MAX_UNHANDED, sent: 1, cancelled: 9 },
      counts: { cancelled: 9, sent: 1 },
    });
    expect((await rows()).map((row) => row.status)).toEqual(['sent', 'cancelled', 'cancelled', 'cancelled']);
    await feed();
    expect(await rows()).toHaveLength(MAX_UNHANDED);
    const usage = await server.db
      .selectFrom('account_usage')
      .select('taken')
      .where('account_id', '=', id)
      .executeTakeFirstOrThrow();
    expect(usage.taken).toBe(1);
    expect((await act(campaignId, 'cancel')).status).toBe(200);
    expect((await act(campaignId, 'resume')).body.error).toMatchObject({
      code: 'CAMPAIGN_ENDED',
      message: 'The campaign was cancelled.',
    });
  });

  it('cancels what a completed campaign has not handed over, and says if that is nothing', async () => {
    const campaignId = await created(texts(2));
    await feed();
    expect((await act(campaignId, 'cancel')).body.data).toMatchObject({ status: 'cancelled' });
    const other = await created(texts(1));
    await feed();
    await handAll();
    expect((await act(other, 'cancel')).body.error.code).toBe('CAMPAIGN_ENDED');
    expect((await read(other)).status).toBe('completed');
  });
});

describe('campaigns go', () => {
  const left = () =>
    server.db.selectFrom('campaign_items').select('n').where('account_id', '=', id).execute();

  it.each(['', '?purge=true'])('with their account: DELETE …%s', async (query) => {
    const campaignId = await created(texts(2));
    await feed();
    await server.ask('DELETE', `/accounts/${id}${query}`);
    expect((await server.ask('GET', `/campaigns/${campaignId}`)).body.error.code).toBe('CAMPAIGN_NOT_FOUND');
    expect(await left()).toEqual([]);
    expect(await rows()).toHaveLength(query === '' ? 2 : 0);
  });

  it('once they have ended and are older than messages are kept', async () => {
    const ended = await created(texts(1));
    await feed();
    const running = await created(texts(1));
    await sql`update campaigns set created_at = now() - interval '40 days' where account_id = ${id}`.execute(
      server.db,
    );
    await saveRetention(server.db, parseTenantId('default'), 30);
    await deleteExpiredMessages(server.db, new Date());
    await saveRetention(server.db, parseTenantId('default'), null);
    expect((await server.ask('GET', `/campaigns/${ended}`)).status).toBe(404);
    expect((await read(running)).status).toBe('running');
    expect(await left()).toHaveLength(1);
  });
});
