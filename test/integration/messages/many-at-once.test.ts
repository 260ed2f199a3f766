/** Many messages and campaigns, while all else that changes the messages of an account goes on. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Account } from '../../../src/accounts/account.ts';
import { parseInstanceId } from '../../../src/accounts/ids.ts';
import { updateAccount } from '../../../src/db/account-directory.ts';
import { findCampaign } from '../../../src/db/campaign-store.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { ingestAddresses } from '../../../src/db/ingest-store.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { AppError } from '../../../src/lib/errors.ts';
import type { TakeMedia } from '../../../src/messages/acceptance.ts';
import type { BulkItem } from '../../../src/messages/bulk-outcome.ts';
import { openCampaignFeeder } from '../../../src/messages/campaign-feeder.ts';
import { makeCampaigns } from '../../../src/messages/campaigns.ts';
import { IdempotencyKeys } from '../../../src/messages/idempotency-keys.ts';
import { makeOutbox } from '../../../src/messages/outbox.ts';
import type { SendRequest } from '../../../src/messages/send-request.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const INSTANCE = parseInstanceId('one');
const WAITS = 'The campaigns of an account wait';
const RESTS = 'The campaigns of an account rest after a fault';

const stack = new AsyncDisposableStack();
let db: Executor;
let account: Account;
let log: RecordingLogger;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: new RecordingLogger() })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  account = { id: await insertTestAccount(db) } as Account;
  log = new RecordingLogger();
});

const PNG = { sha256: 'ab', mimeType: 'image/png', fileName: null, fileSize: 7, as: 'image' } as const;
const takePng: TakeMedia = async () => PNG;

function openAll(takeMedia: TakeMedia = takePng) {
  const keys = new IdempotencyKeys({ db, instanceId: INSTANCE, log });
  const deps = { db, takeMedia, clock: systemClock, log };
  const outbox = makeOutbox({
    ...deps,
    instanceId: INSTANCE,
    wake: () => true,
    enqueue: async () => undefined,
    keys,
  });
  const feeder = openCampaignFeeder({ ...deps, onFed: () => undefined });
  const wake = feeder.wake.bind(feeder);
  const campaigns = makeCampaigns({ db, keys, keepData: () => Promise.reject(), wake, clock: systemClock });
  return { outbox, feeder, campaigns };
}

function request(text: string, to = '491700000001@c.us', given: Partial<SendRequest> = {}): SendRequest {
  return { to, content: { kind: 'text', text }, replyTo: null, onLimit: 'reject', ...given };
}

function picture(name: string): SendRequest {
  const source = { from: 'url', url: `https://a.example/${name}` } as const;
  return request('', undefined, {
    content: { kind: 'media', source, caption: name, fileName: null, as: null },
  });
}

function item(given: SendRequest): BulkItem {
  return { request: given, idempotencyKey: null, requestHash: JSON.stringify(given) };
}

const unkeyed = { idempotencyKey: null, requestHash: 'h' };

function rows() {
  return db.selectFrom('messages').selectAll().where('account_id', '=', account.id).orderBy('seq').execute();
}

/** As if all that waits had been handed over. */
async function handAll(): Promise<void> {
  await sql`update messages set handed_at = now(), status = 'sent'
    where account_id = ${account.id} and handed_at is null and status = 'pending'`.execute(db);
}

it('lock nothing out, and no slot is given twice', async () => {
  const people = Array.from({ length: 8 }, (_, n) => ({ lid: `99${n}5@lid`, phone: `49170000005${n}@c.us` }));
  const names = people.flatMap(({ lid, phone }) => [lid, phone]);
  const { outbox, feeder, campaigns } = openAll();
  await using _ = feeder;
  const connection = new AbortController();
  const fed = feeder.run(account.id, connection.signal);
  const many = (onLimit: 'reject' | 'defer') =>
    Array.from({ length: 120 }, (_, n) => item(request(String(n), names[n % names.length], { onLimit })));
  const ids = await Promise.all(
    Array.from({ length: 4 }, () =>
      campaigns.create(account, { name: 'c', items: names.map((to) => request('c', to)) }, unkeyed),
    ),
  );
  const cancelAll = async () => {
    for (const id of ids) {
      const campaign = await findCampaign(db, id);
      if (campaign !== undefined) await campaigns.cancel(campaign);
    }
  };
  const limits = Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? 50 : 1_000));
  const [first, second] = await Promise.all([
    outbox.acceptAll(account, many('reject'), { idempotencyKey: 'a', requestHash: 'a' }),
    outbox.acceptAll(account, many('defer'), { idempotencyKey: 'b', requestHash: 'b' }),
    cancelAll(),
    ...limits.map((dailyLimit) => updateAccount(db, account.id, { dailyLimit }, new Date())),
    ...people.map((pair) => ingestAddresses(db, account.id, [pair], new Date())),
  ]);
  connection.abort();
  await fed;
  expect(second.map(({ kind }) => kind)).toEqual(second.map(() => 'accepted'));
  for (const outcome of first)
    if (outcome.kind === 'rejected') expect(outcome.error).toMatchObject({ code: 'DAILY_LIMIT_EXCEEDED' });
  expect(log.lines.filter(({ level }) => level === 'warn')).toEqual([]);
  const { rows: counts } = await sql<{ held: number; taken: number }>`
    select (select count(*)::integer from messages where account_id = ${account.id} and slot_date is not null) as held,
      (select sum(taken)::integer from account_usage where account_id = ${account.id}) as taken`.execute(db);
  expect(counts[0]?.held).toBe(counts[0]?.taken);
  expect(new Set((await rows()).map(({ chat_id }) => chat_id))).toEqual(
    new Set(people.map(({ phone }) => phone)),
  );
});

describe('the files of many messages', () => {
  it('are fetched side by side, and the messages keep the order of their items', async () => {
    const started = Promise.withResolvers<void>();
    let fetching = 0;
    const { outbox } = openAll(async () => {
      fetching += 1;
      if (fetching === 4) started.resolve();
      await started.promise;
      return PNG;
    });
    const outcomes = await outbox.acceptAll(
      account,
      ['1', '2', '3', '4'].map((name) => item(picture(name))),
      unkeyed,
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'accepted', 'accepted']);
    expect((await rows()).map(({ caption }) => caption)).toEqual(['1', '2', '3', '4']);
  });

  it('that meet something that may pass are tried again with the same key, and the others stay as they are', async () => {
    let isAway = true;
    const { outbox } = openAll(async () => {
      if (isAway) throw new AppError('MEDIA_STORAGE_FAILED');
      return PNG;
    });
    const items = [item(request('text')), item(picture('file'))];
    const key = { idempotencyKey: 'k', requestHash: 'h' };
    const [text, file] = await outbox.acceptAll(account, items, key);
    expect([text?.kind, file]).toMatchObject(['accepted', { kind: 'rejected' }]);
    isAway = false;
    const again = await outbox.acceptAll(account, items, key);
    expect(again).toEqual([text, expect.objectContaining({ kind: 'accepted' })]);
    expect(await outbox.acceptAll(account, items, key)).toEqual(again);
    expect((await rows()).map(({ text: said, caption }) => said ?? caption)).toEqual(['text', 'file']);
  });
});

describe('a campaign', () => {
  it('waits with an item whose file cannot be stored now, goes on with it, and keeps the order', async () => {
    let isAway = true;
    const { feeder, campaigns } = openAll(async (_account, source) => {
      if (source.from === 'url' && source.url.endsWith('/gone')) throw new AppError('MEDIA_UNAVAILABLE');
      if (isAway) throw new AppError('MEDIA_STORAGE_FAILED');
      return PNG;
    });
    await using _ = feeder;
    const items = [request('first'), picture('gone'), picture('file'), request('last')];
    const id = await campaigns.create(account, { name: 'c', items }, unkeyed);
    const rests = log.next(RESTS);
    const connection = new AbortController();
    const ended = feeder.run(account.id, connection.signal);
    await rests;
    expect((await rows()).map(({ text }) => text)).toEqual(['first']);
    isAway = false;
    const waits = log.next(WAITS);
    feeder.wake(account.id);
    await waits;
    connection.abort();
    await ended;
    expect((await rows()).map(({ text, caption }) => text ?? caption)).toEqual(['first', 'file', 'last']);
    expect((await findCampaign(db, id))?.status).toBe('completed');
  });

  it('is woken by a hand-over while it waits for one, and lets a message of somebody else leave before the rest', async () => {
    const { feeder, campaigns, outbox } = openAll();
    await using _ = feeder;
    const names = ['1', '2', '3', '4', '5', '6'];
    const fed = log.next(WAITS);
    const connection = new AbortController();
    await campaigns.create(account, { name: 'c', items: names.map((name) => request(name)) }, unkeyed);
    const ended = feeder.run(account.id, connection.signal);
    await fed;
    await outbox.accept(account, request('between', '491700000002@c.us'), unkeyed);
    await handAll();
    const fedAgain = log.next(WAITS);
    feeder.hearHanded(account.id);
    await fedAgain;
    connection.abort();
    await ended;
    expect((await rows()).map(({ text }) => text)).toEqual(['1', '2', '3', '4', 'between', '5', '6']);
  });
});
