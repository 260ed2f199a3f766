import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { parseTenantId } from '../../../src/accounts/ids.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { deleteWebhook } from '../../../src/db/webhook-removal.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestWebhook, owe } from '../../support/owed-webhook.ts';
import { silentLog } from '../../support/silent-log.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const tenant = parseTenantId('default');
const stack = new AsyncDisposableStack();
let db: Executor;
let webhookId: string;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog, poolSize: 4 })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  webhookId = await insertTestWebhook(db);
});

const left = (table: 'webhook_deliveries' | 'webhook_lanes') =>
  db.selectFrom(table).select('lane').where('webhook_id', '=', webhookId).execute();

/** The database tells nobody what is written to it: it is looked at now and then. */
async function untilLeft(count: number): Promise<void> {
  while ((await left('webhook_deliveries')).length > count)
    await new Promise((resolve) => setTimeout(resolve, 20));
}

it('deletes what a webhook is owed some at a time, and at last the webhook; meanwhile nothing is sent there', async () => {
  const lanes = Array.from({ length: 25 }, (_each, nth) => `lane ${nth}`);
  await owe(db, webhookId, lanes, NOW);
  const removing = await db.transaction().execute(async (trx) => {
    // One that somebody is writing to.
    await trx
      .selectFrom('webhook_deliveries')
      .select('id')
      .where('webhook_id', '=', webhookId)
      .limit(1)
      .forUpdate()
      .execute();
    const deleting = deleteWebhook(db, tenant, webhookId, { rows: 10 });
    await untilLeft(1);
    const { status } = await db
      .selectFrom('webhooks')
      .select('status')
      .where('id', '=', webhookId)
      .executeTakeFirstOrThrow();
    expect(status).toBe('disabled');
    return { deleting };
  });
  expect(await removing.deleting).toBe(true);
  expect(await left('webhook_deliveries')).toEqual([]);
  expect(await left('webhook_lanes')).toEqual([]);
  expect(await deleteWebhook(db, tenant, webhookId)).toBe(false);
});

it('leaves a webhook of another tenant alone', async () => {
  await owe(db, webhookId, ['a'], NOW);
  expect(await deleteWebhook(db, parseTenantId('other'), webhookId)).toBe(false);
  expect(await left('webhook_deliveries')).toHaveLength(1);
});
