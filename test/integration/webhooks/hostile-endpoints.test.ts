import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { rotateSecret } from '../../../src/db/webhook-secret-store.ts';
import type { NewWebhook } from '../../../src/db/webhook-store.ts';
import { makeSecret } from '../../../src/webhooks/signature.ts';
import { openTestDatabase } from '../../support/database.ts';
import { owe as oweLanes } from '../../support/owed-webhook.ts';
import { openTestRedis } from '../../support/redis.ts';
import { silentLog } from '../../support/silent-log.ts';
import { openWebhookConsumer, type WebhookConsumer } from '../../support/webhook-consumer.ts';
import {
  openWebhookInstance,
  type WebhookInstance,
  type WebhookPlaces,
} from '../../support/webhook-instance.ts';

let stack: AsyncDisposableStack;
let places: WebhookPlaces;
let db: Executor;

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
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog, poolSize: 4 })).db;
});
afterEach(() => stack.disposeAsync());

const consume = async (): Promise<WebhookConsumer> => stack.use(await openWebhookConsumer());

const open = async (given: Partial<WebhookPlaces> = {}): Promise<WebhookInstance> =>
  stack.use(await openWebhookInstance({ ...places, ...given }, silentLog));

const ofTenant = (tenantId: string) => ({ tenantId }) as Pick<NewWebhook, 'tenantId'>;

/** Owes the webhook so many events, each of another chat. */
function owe(webhookId: string, count: number): Promise<void> {
  const lanes = Array.from({ length: count }, (_each, nth) => `lane ${nth}`);
  return oweLanes(db, webhookId, lanes, new Date());
}

describe('a tenant whose endpoints hang', () => {
  it('has a quarter of the places, so that others are not kept waiting', async () => {
    const here = await open({ deadlineMs: 10_000 });
    const hanging = await consume();
    hanging.answer = () => 'hang';
    const others = await consume();
    const slow = [];
    for (let nth = 0; nth < 10; nth += 1) slow.push(await here.make(hanging.url, ofTenant('slow')));
    for (const { id } of slow) await owe(id, 10);
    here.desk.wake(slow[0]?.id ?? '');
    await hanging.until(() => hanging.requests.length >= 16);
    const { id } = await here.make(others.url, ofTenant('quick'));
    await owe(id, 30);
    here.desk.wake(id);
    await others.until(() => others.requests.length >= 30);
    expect(hanging.requests).toHaveLength(16);
  });
});

describe('a webhook whose secret was sealed by a key that is lost', () => {
  it('says what its tenant is to do, is not held against the endpoint, and goes on once it was done', async () => {
    const first = await openWebhookInstance(places, silentLog);
    const consumer = await consume();
    const { id } = await first.make(consumer.url);
    await first[Symbol.asyncDispose]();
    // One failure more, and it is disabled.
    const failing = { failures: 40, failing_since: new Date(0) };
    await db.updateTable('webhooks').set(failing).where('id', '=', id).execute();
    await owe(id, 6);
    const here = await open({ key: randomBytes(32).toString('hex') });
    await untilErrors(6);
    const tried = await db.selectFrom('webhook_deliveries').select(['status', 'last_error']).execute();
    for (const { status, last_error } of tried)
      expect([status, last_error]).toEqual(['pending', expect.stringMatching(/rotate-secret/)]);
    expect(JSON.stringify(tried)).not.toMatch(/key|session/i);
    const health = await db
      .selectFrom('webhooks')
      .select(['status', 'failures', 'failing_since', 'rests_until'])
      .executeTakeFirstOrThrow();
    expect(health).toEqual({ status: 'enabled', ...failing, rests_until: null });
    expect(consumer.requests).toEqual([]);
    const now = new Date();
    const sealed = here.desk.secrets.seal(id, makeSecret());
    await rotateSecret(db, { id, sealed, previousUntil: now, now });
    here.desk.wake(id);
    await consumer.until(() => consumer.taken().length >= 6);
  });
});

/** Resolves once so many deliveries have an error. The database tells nobody: it is looked at now and then. */
async function untilErrors(count: number): Promise<void> {
  for (;;) {
    const rows = await db
      .selectFrom('webhook_deliveries')
      .select('id')
      .where('last_error', 'is not', null)
      .execute();
    if (rows.length >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
