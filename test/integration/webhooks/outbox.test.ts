import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { transact } from '../../../src/db/transaction.ts';
import { redeliverDead } from '../../../src/db/webhook-delivery-store.ts';
import { addDeliveries, type NewDelivery } from '../../../src/db/webhook-outbox.ts';
import { openTestDatabase } from '../../support/database.ts';
import { silentLog } from '../../support/silent-log.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const stack = new AsyncDisposableStack();
let db: Executor;
let webhookId: string;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
});
afterAll(() => stack.disposeAsync());

async function makeWebhook(): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    insert into webhooks (id, tenant_id, url, events, sealed_secret, created_by)
    values (gen_random_uuid(), 'default', 'u', '{}', '', 'c') returning id`.execute(db);
  webhookId = rows[0]?.id ?? '';
}

const owe = (eventId: string, given: Partial<NewDelivery> = {}): NewDelivery => ({
  webhookId,
  eventId,
  type: 'message.received',
  accountId: null,
  lane: 'l',
  payload: '{}',
  isDead: false,
  ...given,
});

it('writes bodies down however long they are together, in their order', async () => {
  await makeWebhook();
  // Longer than the longest string of the engine, were they one text.
  const payload = '"'.repeat(900_000);
  const ids = Array.from({ length: 320 }, (_each, nth) => `event ${String(nth).padStart(3, '0')}`);
  await transact(db, (trx) =>
    addDeliveries(
      trx,
      ids.map((id) => owe(id, { payload })),
      NOW,
    ),
  );
  const { rows } = await sql<{ id: string; length: number }>`
    select event_id as id, length(payload) as length from webhook_deliveries
    where webhook_id = ${webhookId} order by webhook_deliveries.id`.execute(db);
  expect(rows.map(({ id }) => id)).toEqual(ids);
  expect(new Set(rows.map(({ length }) => length))).toEqual(new Set([payload.length]));
}, 240_000);

it('takes up no dead letter again that ended after it was asked to', async () => {
  await makeWebhook();
  await transact(db, (trx) => addDeliveries(trx, [owe('before', { isDead: true })], NOW));
  const later = new Date(NOW.getTime() + 1);
  await transact(db, (trx) => addDeliveries(trx, [owe('after', { isDead: true })], later));
  const range = { from: new Date(0), to: new Date(NOW.getTime() + 1_000), now: NOW };
  expect(await redeliverDead(db, { webhookId, ...range })).toBe(1);
});
