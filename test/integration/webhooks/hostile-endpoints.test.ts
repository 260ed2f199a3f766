import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { transact } from '../../../src/db/transaction.ts';
import { addDeliveries } from '../../../src/db/webhook-outbox.ts';
import type { NewWebhook } from '../../../src/db/webhook-store.ts';
import { openTestDatabase } from '../../support/database.ts';
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
async function owe(webhookId: string, count: number): Promise<void> {
  const deliveries = Array.from({ length: count }, (_each, nth) => ({
    webhookId,
    eventId: `event ${nth}`,
    type: 'ping' as const,
    accountId: null,
    lane: `lane ${nth}`,
    payload: JSON.stringify({ type: 'ping', data: {} }),
    isDead: false,
  }));
  await transact(db, (trx) => addDeliveries(trx, deliveries, new Date()));
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
