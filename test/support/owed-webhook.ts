import { sql } from 'kysely';
import type { AccountId } from '../../src/accounts/ids.ts';
import type { Executor } from '../../src/db/database.ts';
import { transact } from '../../src/db/transaction.ts';
import { addDeliveries } from '../../src/db/webhook-outbox.ts';

/** Makes a webhook of tenant `default`, of one account or all, by its row alone, to which nothing can be sent. */
export async function insertTestWebhook(
  db: Executor,
  { accountId = null }: { readonly accountId?: AccountId | null } = {},
): Promise<string> {
  const id = crypto.randomUUID();
  await sql`
    insert into webhooks (id, tenant_id, account_id, url, events, sealed_secret, created_by)
    values (${id}, 'default', ${accountId}, 'https://shop.example/', '{}', '', 'test')`.execute(db);
  return id;
}

/** Owes the webhook an event in each of these lanes, due at that time. */
export async function owe(
  db: Executor,
  webhookId: string,
  lanes: readonly string[],
  dueAt: Date,
): Promise<void> {
  const deliveries = lanes.map((lane) => ({
    webhookId,
    eventId: crypto.randomUUID(),
    type: 'ping' as const,
    accountId: null,
    lane,
    payload: '{"type":"ping","data":{}}',
    isDead: false,
  }));
  await transact(db, (trx) => addDeliveries(trx, deliveries, dueAt));
}
