import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { enterHealth, enterLimit } from '../../../src/db/account-news-store.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { redeliverDead, redeliverOne } from '../../../src/db/webhook-delivery-store.ts';
import { rotateSecret } from '../../../src/db/webhook-secret-store.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import { makeSecret } from '../../../src/webhooks/signature.ts';
import { openTestDatabase } from '../../support/database.ts';
import {
  ackEvent,
  insertTestAccount,
  messageEvent,
  ownMessageEvent,
  T0,
} from '../../support/inbound-events.ts';
import {
  type DeliveryCheck,
  makeDeliveryCheck,
  makeWebhookDocument,
} from '../../support/openapi/delivery-check.ts';
import { openOwnRedis } from '../../support/own-redis.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { openTestRedis } from '../../support/redis.ts';
import { openWebhookConsumer, type WebhookConsumer } from '../../support/webhook-consumer.ts';
import {
  openWebhookInstance,
  type WebhookInstance,
  type WebhookPlaces,
} from '../../support/webhook-instance.ts';

const PROGRAM = fileURLToPath(new URL('../../support/webhook-program.ts', import.meta.url));
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const [ALICE, BOB] = ['491700000001@c.us', '491700000002@c.us'];

/** The machine's clock, which a test may set forward. */
class SteppedClock implements Clock {
  #ahead = 0;
  now = () => Date.now() + this.#ahead;
  monotonic = () => performance.now() + this.#ahead;
  step(ms: number): void {
    this.#ahead += ms;
  }
}

let stack: AsyncDisposableStack;
let places: WebhookPlaces;
let db: Executor;
let account: AccountId;
let consumer: WebhookConsumer;
let clock: SteppedClock;
let log: RecordingLogger;
let check: DeliveryCheck;

beforeAll(async () => {
  check = makeDeliveryCheck(await makeWebhookDocument());
});

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  const database = stack.use(await openTestDatabase());
  const redis = stack.use(openTestRedis());
  places = {
    connection: database.connection,
    redis: redis.connection,
    prefix: redis.prefix,
    name: 'here',
    key: randomBytes(32).toString('hex'),
  };
  log = new RecordingLogger();
  clock = new SteppedClock();
  db = stack.use(openDatabase({ connection: database.connection, log, poolSize: 4 })).db;
  account = await insertTestAccount(db);
  consumer = stack.use(await openWebhookConsumer());
});
afterEach(async () => {
  await stack.disposeAsync();
  // Whatever was sent is what the OpenAPI document tells of.
  for (const { body } of consumer.requests) expect(check(JSON.parse(body)), body).toBeUndefined();
});

async function open(given: Partial<WebhookPlaces> = {}): Promise<WebhookInstance> {
  return stack.use(await openWebhookInstance({ ...places, ...given }, log, clock));
}

/** Stores incoming messages; their texts are their names, and their chat is that of their first letter. */
async function receive(instance: WebhookInstance, names: readonly string[]): Promise<void> {
  const events = names.map((name) => {
    const chatId = name.startsWith('a') ? ALICE : BOB;
    return messageEvent(name, {
      text: name,
      chatId,
      key: { fromMe: false, chatId, bareId: name, participant: null },
    });
  });
  await ingestEvents(instance.db, account, events, new Date());
}

const textsOf = (list: readonly { data: { text: string } }[], first = '') =>
  list.map(({ data }) => data.text).filter((text) => text.startsWith(first));

function numbered(first: string, count: number): string[] {
  return Array.from({ length: count }, (_each, nth) => `${first}${nth}`);
}

/** Resolves once the rows of deliveries are so; each look follows some time after the one before. */
async function untilRows(isSo: (rows: readonly DeliveryRow[]) => boolean): Promise<readonly DeliveryRow[]> {
  for (;;) {
    const rows = await db
      .selectFrom('webhook_deliveries')
      .select(['id', 'event_id', 'status', 'attempts', 'last_status', 'last_error', 'type', 'created_at'])
      .orderBy('id')
      .execute();
    if (isSo(rows)) return rows;
    await pause();
  }
}

/** The database tells nobody what is written to it: it is looked at now and then. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await pause();
}

interface DeliveryRow {
  readonly id: string;
  readonly event_id: string;
  readonly status: string;
  readonly attempts: number;
  readonly last_status: number | null;
  readonly last_error: string | null;
}

const allAre = (status: string, count: number) => (rows: readonly DeliveryRow[]) =>
  rows.filter((row) => row.status === status).length >= count;

describe('an endpoint that takes all', () => {
  it('gets each event once, signed, in the order of its chat', async () => {
    const here = await open();
    const { secret } = await here.make(consumer.url);
    await receive(here, ['a0', 'b0', 'a1', 'b1']);
    await receive(here, numbered('a', 20).slice(2));
    await consumer.until(() => consumer.requests.length >= 22);
    expect(textsOf(consumer.taken(), 'a')).toEqual(numbered('a', 20));
    expect(textsOf(consumer.taken(), 'b')).toEqual(numbered('b', 2));
    expect(new Set(consumer.requests.map(({ id }) => id)).size).toBe(22);
    for (const { body, headers } of consumer.requests) new Webhook(secret).verify(body, headers);
    await untilRows(allAre('delivered', 22));
    expect(await db.selectFrom('webhook_lanes').selectAll().execute()).toEqual([]);
  });

  it('gets what the message was when it happened, with the steps of an outgoing one', async () => {
    const here = await open();
    await here.make(consumer.url);
    await ingestEvents(db, account, [ownMessageEvent('own', { text: 'hi' })], new Date());
    await consumer.until(() => consumer.requests.length >= 1);
    await ingestEvents(here.db, account, [ackEvent('own', 2, T0 + 1_000)], new Date());
    await consumer.until(() => consumer.requests.length >= 2);
    expect(consumer.requests.map(({ type, data }) => [type, data.direction, data.text, data.status])).toEqual(
      [
        ['message.status', 'outgoing', 'hi', expect.any(String)],
        ['message.status', 'outgoing', 'hi', 'delivered'],
      ],
    );
  });

  it('gets of an account what it asked for, and nothing that happened before', async () => {
    const here = await open();
    await receive(here, ['a0']);
    const other = await insertTestAccount(db);
    await here.make(consumer.url, { accountId: other });
    await receive(here, ['a1']);
    await ingestEvents(here.db, other, [messageEvent('x', { text: 'theirs' })], new Date());
    await consumer.until(() => consumer.requests.length >= 1);
    expect(textsOf(consumer.requests)).toEqual(['theirs']);
    await untilRows((rows) => rows.length === 1);
  });

  it('gets signatures by both secrets while they overlap, and by the new one alone afterwards', async () => {
    const here = await open();
    const { id, secret } = await here.make(consumer.url);
    const next = makeSecret();
    const now = new Date(clock.now());
    const previousUntil = new Date(clock.now() + DAY_MS);
    await rotateSecret(db, { id, sealed: here.desk.secrets.seal(id, next), previousUntil, now });
    await receive(here, ['a0']);
    await consumer.until(() => consumer.requests.length >= 1);
    const [both] = consumer.requests;
    for (const each of [secret, next]) new Webhook(each).verify(both?.body ?? '', both?.headers ?? {});
    clock.step(DAY_MS);
    await receive(here, ['a1']);
    await consumer.until(() => consumer.requests.length >= 2);
    const { headers = {}, body = '' } = consumer.requests[1] ?? {};
    const at = new Date(Number(headers['webhook-timestamp']) * 1_000);
    expect(headers['webhook-signature']).toBe(new Webhook(next).sign(headers['webhook-id'] ?? '', at, body));
  });
});

describe('an endpoint that fails', () => {
  it('gets an event again under its id, whatever it answers; its chat waits, others do not', async () => {
    const here = await open();
    const { id } = await here.make(consumer.url);
    const answers = [401, 'hang', 'close', 'redirect'] as const;
    let tried = 0;
    consumer.answer = ({ data }) => (data.text === 'a0' ? (answers[tried++] ?? 200) : 200);
    await receive(here, ['a0', 'a1', 'b0']);
    for (let nth = 1; nth <= answers.length; nth += 1) {
      await untilRows(([row]) => (row?.attempts ?? 0) >= nth && row?.last_error !== null);
      await receive(here, [`b${nth}`]);
      await consumer.until(() => textsOf(consumer.taken(), 'b').includes(`b${nth}`));
      expect(textsOf(consumer.taken(), 'a')).toEqual([]);
      const ended = untilRows((rows) => rows[0]?.attempts === nth && rows[0].status !== 'delivered');
      await ended;
      clock.step(HOUR_MS);
      here.desk.wake(id);
    }
    await consumer.until(() => textsOf(consumer.taken(), 'a').length >= 2);
    expect(textsOf(consumer.taken(), 'a')).toEqual(['a0', 'a1']);
    const ids = consumer.requests.filter(({ data }) => data.text === 'a0').map((each) => each.id);
    expect(ids).toHaveLength(answers.length + 1);
    expect(new Set(ids).size).toBe(1);
  });

  it('rests while it is gone, costs one request a pause, and gets everything in order once it is back', async () => {
    const here = await open();
    const { id } = await here.make(consumer.url);
    consumer.answer = () => 503;
    await receive(here, [...numbered('a', 30), ...numbered('b', 30)]);
    const health = () =>
      here.db.selectFrom('webhooks').select(['failures', 'rests_until']).executeTakeFirstOrThrow();
    const untilFailures = (count: number) => until(async () => (await health()).failures >= count);
    // Of each chat one is tried at a time.
    for (const failures of [2, 4, 5]) {
      await untilFailures(failures);
      if (failures === 5) break;
      clock.step(60_000);
      here.desk.wake(id);
    }
    await until(async () => (await health()).rests_until !== null);
    const before = consumer.requests.length;
    await receive(here, ['c0', 'd0']);
    const { failures } = await health();
    for (let nth = 1; nth <= 3; nth += 1) {
      clock.step(600_000);
      here.desk.wake(id);
      await untilFailures(failures + nth);
    }
    expect(consumer.requests).toHaveLength(before + 3);
    await consumer.die();
    consumer.answer = () => 200;
    await consumer.revive();
    clock.step(600_000);
    here.desk.wake(id);
    await consumer.until(() => consumer.taken().length >= 62);
    expect(textsOf(consumer.taken(), 'a')).toEqual(numbered('a', 30));
    expect(textsOf(consumer.taken(), 'b')).toEqual(numbered('b', 30));
    expect(await health()).toEqual({ failures: 0, rests_until: null });
  });

  it('leaves a dead letter after 24 hours, which lets the next go and is sent again singly or by range', async () => {
    const here = await open();
    const { id: webhookId } = await here.make(consumer.url);
    consumer.answer = ({ data }) => (['a0', 'b0'].includes(data.text) ? 410 : 200);
    await receive(here, ['a0', 'b0', 'a1', 'b1']);
    await untilRows((rows) => rows.filter(({ last_status }) => last_status === 410).length === 2);
    clock.step(DAY_MS);
    here.desk.wake(webhookId);
    const rows = await untilRows((all) => allAre('dead', 2)(all) && allAre('delivered', 2)(all));
    expect(textsOf(consumer.taken())).toEqual(expect.arrayContaining(['a1', 'b1']));
    const dead = rows.filter(({ status }) => status === 'dead');
    expect(dead[0]?.last_error).toBe('The endpoint answered 410. not today');
    consumer.answer = () => 200;
    await redeliverOne(db, { webhookId, id: dead[0]?.id ?? '', now: new Date(clock.now()) });
    here.desk.wake(webhookId);
    await consumer.until(() => textsOf(consumer.taken()).includes('a0'));
    const range = { from: new Date(0), to: new Date(clock.now() + 1), now: new Date(clock.now()) };
    await untilRows(allAre('delivered', 3));
    expect(await redeliverDead(db, { webhookId, ...range })).toBe(1);
    here.desk.wake(webhookId);
    await consumer.until(() => textsOf(consumer.taken()).includes('b0'));
    const firstIds = new Set(consumer.requests.filter(({ answer }) => answer === 410).map(({ id }) => id));
    expect(firstIds).toEqual(new Set(dead.map(({ event_id }) => event_id)));
  });

  it('is disabled after days of nothing else, which the others are told; what it missed can be had', async () => {
    const here = await open();
    const { id } = await here.make(consumer.url);
    const others = stack.use(await openWebhookConsumer());
    await here.make(others.url, { events: ['webhook.disabled'] });
    const heard = Promise.withResolvers<string>();
    here.desk.onDisabled(({ webhookId }) => heard.resolve(webhookId));
    consumer.answer = () => 500;
    const since = new Date(clock.now() - 5 * DAY_MS);
    await db
      .updateTable('webhooks')
      .set({ failures: 19, failing_since: since })
      .where('id', '=', id)
      .execute();
    await receive(here, ['a0', 'a1']);
    expect(await heard.promise).toBe(id);
    await others.until(() => others.requests.length >= 1);
    expect(others.requests[0]).toMatchObject({
      type: 'webhook.disabled',
      data: { webhookId: id, reason: 'failing' },
    });
    expect(
      log.lines.some(
        ({ level, message }) => level === 'error' && message.startsWith('A webhook was disabled'),
      ),
    ).toBe(true);
    await receive(here, ['a2']);
    const rows = await untilRows(allAre('dead', 3));
    expect(rows.map(({ last_error }) => last_error)).toContain('The webhook was disabled.');
    expect(textsOf(consumer.requests)).toEqual(['a0']);
  });
});

describe('what happens to an account', () => {
  it('is told once trouble has lasted, and not if it passes', async () => {
    const here = await open();
    const { id } = await here.make(consumer.url, {
      events: ['account.reconnecting', 'account.connected', 'account.needs_human', 'account.critical'],
    });
    const store = makeAccountStore(here.db);
    await store.saveState(account, { state: 'connected', reason: null });
    await consumer.until(() => consumer.requests.length >= 1);
    await store.saveState(account, { state: 'reconnecting', reason: 'page_closed' as never, attempt: 1 });
    await store.saveState(account, { state: 'connected', reason: null });
    await store.saveState(account, { state: 'reconnecting', reason: 'page_closed' as never, attempt: 1 });
    await until(async () => {
      // Both falls are held for a while: it is the second that is to last.
      const view = await db
        .selectFrom('webhook_account_views')
        .select('held_until')
        .where(
          'event_id',
          '=',
          db.selectFrom('session_events').select(({ fn }) => fn.max('id').as('last')),
        )
        .executeTakeFirst();
      return view !== undefined && view.held_until !== null;
    });
    clock.step(6_000);
    here.desk.wake(id);
    await consumer.until(() => consumer.requests.length >= 2);
    await store.saveAlert(account, { kind: 'reconnect_failing', reason: 'banned', text: 'Five times.' });
    await store.saveState(account, { state: 'needs_human', reason: 'banned' });
    await consumer.until(() => consumer.requests.length >= 4);
    expect(consumer.requests.map(({ type }) => type)).toEqual([
      'account.connected',
      'account.reconnecting',
      'account.critical',
      'account.needs_human',
    ]);
    expect(consumer.requests[3]?.data).toMatchObject({
      accountId: account,
      connectionStatus: 'Failed',
      reason: { code: 'banned', text: expect.any(String), userAction: expect.any(String) },
    });
  });

  it('is told as its health, the use of its daily limit, and its end on purpose', async () => {
    const here = await open();
    await here.make(consumer.url, { events: ['account.health', 'account.limit', 'account.disconnected'] });
    const store = makeAccountStore(here.db);
    const use = { sentToday: 700, dailyLimit: 1_000 };
    await enterLimit(here.db, account, { percent: 70, ...use });
    await enterHealth(here.db, account, { health: 'Warning', ...use });
    await enterLimit(here.db, account, { percent: 90, ...use, sentToday: 905 });
    await store.saveState(account, { state: 'connected', reason: null });
    await store.saveState(account, { state: 'disconnected', reason: 'user_disconnected' });
    await consumer.until(() => consumer.requests.length >= 4);
    const used = { usagePercentage: 70, messagesSentToday: 700, dailyLimit: 1_000 };
    expect(consumer.requests.map(({ body }) => JSON.parse(body))).toEqual(
      [
        { type: 'account.limit', data: { percent: 70, ...used } },
        { type: 'account.health', data: { healthStatus: 'Warning', ...used } },
        {
          type: 'account.limit',
          data: { percent: 90, ...used, usagePercentage: 90.5, messagesSentToday: 905 },
        },
        {
          type: 'account.disconnected',
          data: {
            connectionStatus: 'Disconnected',
            state: 'disconnected',
            reason: { code: 'user_disconnected', text: expect.any(String), userAction: expect.any(String) },
            since: expect.any(String),
          },
        },
      ].map(({ type, data }) => ({
        type,
        timestamp: expect.any(String),
        data: { accountId: account, ...data },
      })),
    );
  });
});

describe('a changed encryption key', () => {
  it('seals the secrets anew at the next start, after which the earlier one is not needed', async () => {
    const first = await openWebhookInstance(places, log, clock);
    const { secret } = await first.make(consumer.url);
    await first[Symbol.asyncDispose]();
    const key = randomBytes(32).toString('hex');
    const second = await openWebhookInstance({ ...places, key, previousKey: places.key }, log, clock);
    await second[Symbol.asyncDispose]();
    const here = await open({ key });
    await receive(here, ['a0']);
    await consumer.until(() => consumer.requests.length >= 1);
    const [request] = consumer.requests;
    new Webhook(secret).verify(request?.body ?? '', request?.headers ?? {});
  });
});

describe('several instances', () => {
  it('deliver each event once, in the order of its chat', async () => {
    const here = await open();
    const there = await open({ name: 'there' });
    await here.make(consumer.url);
    for (let nth = 0; nth < 5; nth += 1) {
      await receive(here, numbered('a', 10 * (nth + 1)).slice(10 * nth));
      await receive(there, numbered('b', 10 * (nth + 1)).slice(10 * nth));
    }
    await untilRows(allAre('delivered', 100));
    expect(textsOf(consumer.requests, 'a')).toEqual(numbered('a', 50));
    expect(textsOf(consumer.requests, 'b')).toEqual(numbered('b', 50));
  });
});

describe('an instance that is killed in mid-delivery', () => {
  it('delivers the event again, under its id, when it is back', async () => {
    const first = await openWebhookInstance(places, log, clock);
    await first.make(consumer.url);
    await first[Symbol.asyncDispose]();
    consumer.answer = () => 'hang';
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(places)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await ingestEvents(db, account, [messageEvent('a0', { text: 'a0' })], new Date());
    await consumer.until(() => consumer.requests.length >= 1);
    child.kill('SIGKILL');
    await once(child, 'exit');
    consumer.answer = () => 200;
    await open();
    await consumer.until(() => consumer.taken().length >= 1);
    expect(consumer.taken()[0]?.id).toBe(consumer.requests[0]?.id);
    await untilRows(allAre('delivered', 1));
  });
});

describe('while Redis is away', () => {
  it('delivers all the same, somewhat later', async () => {
    const redis = stack.use(await openOwnRedis());
    const here = await open({ redis: { urls: [`redis://127.0.0.1:${redis.port}`] } });
    await here.make(consumer.url);
    await redis.kill();
    await receive(here, ['a0', 'a1']);
    await consumer.until(() => consumer.taken().length >= 2);
    expect(textsOf(consumer.taken())).toEqual(['a0', 'a1']);
    await redis.start();
  });
});
