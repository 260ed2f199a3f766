import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { saveRetention } from '../../../src/db/retention.ts';
import { transact } from '../../../src/db/transaction.ts';
import { deleteOldDeliveries } from '../../../src/db/webhook-delivery-store.ts';
import { addDeliveries } from '../../../src/db/webhook-outbox.ts';
import { insertWebhook, type NewWebhook } from '../../../src/db/webhook-store.ts';
import { openTestDatabase } from '../../support/database.ts';
import { silentLog } from '../../support/silent-log.ts';

const stack = new AsyncDisposableStack();
const tenantId = 'default' as NewWebhook['tenantId'];
let db: Executor;
let webhookId: string;
beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  await db.deleteFrom('webhooks').execute();
  const made = await insertWebhook(db, {
    tenantId,
    accountId: null,
    url: 'https://shop.example/',
    description: null,
    events: ['message.received'],
    createdBy: 'test',
    sealSecret: () => Buffer.from('sealed'),
  });
  webhookId = made.id;
});

/** A delivery of this state that ended, or was written down, so many days ago. */
async function insert(eventId: string, status: string, days: number): Promise<void> {
  const delivery = {
    webhookId,
    eventId,
    type: 'ping',
    accountId: null,
    lane: eventId,
    payload: '{}',
    isDead: false,
  } as const;
  await transact(db, (trx) => addDeliveries(trx, [delivery], new Date()));
  await sql`
    update webhook_deliveries set status = ${status}, created_at = now() - ${days}::integer * interval '1 day',
      ended_at = case when ${status}::text <> 'pending' then now() - ${days}::integer * interval '1 day' end
    where event_id = ${eventId}`.execute(db);
}

async function left(): Promise<readonly string[]> {
  const rows = await db.selectFrom('webhook_deliveries').select('event_id').orderBy('id').execute();
  return rows.map(({ event_id }) => event_id);
}

it('deletes what was taken a week ago, dead letters of 30 days, and nothing that waits', async () => {
  await insert('taken-8', 'delivered', 8);
  await insert('taken-6', 'delivered', 6);
  await insert('dead-31', 'dead', 31);
  await insert('dead-29', 'dead', 29);
  await insert('waits', 'pending', 40);
  expect(await deleteOldDeliveries(db, new Date())).toBe(2);
  expect(await left()).toEqual(['taken-6', 'dead-29', 'waits']);
});

it('keeps what messages said no longer than the tenant keeps messages', async () => {
  await saveRetention(db, tenantId, 3);
  await insert('taken-4', 'delivered', 4);
  await insert('dead-4', 'dead', 4);
  await insert('taken-2', 'delivered', 2);
  await insert('waits', 'pending', 4);
  expect(await deleteOldDeliveries(db, new Date())).toBe(2);
  expect(await left()).toEqual(['taken-2', 'waits']);
});

it('adds an event once for a webhook, however often it is written down', async () => {
  const delivery = {
    webhookId,
    eventId: 'e',
    type: 'ping',
    accountId: null,
    lane: 'l',
    payload: '{}',
    isDead: false,
  } as const;
  for (let nth = 0; nth < 3; nth += 1)
    await transact(db, (trx) => addDeliveries(trx, [delivery], new Date()));
  expect(await left()).toEqual(['e']);
});
