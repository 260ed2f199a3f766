import type { Executor } from '../db/database.ts';
import { addDeliveries } from '../db/webhook-outbox.ts';
import { listSubscribed, type Webhook } from '../db/webhook-store.ts';
import { eventToPayload, makeEventId } from './event.ts';

/** Writes down, for the tenant's other endpoints, that this webhook is disabled. */
export async function announceDisabled(trx: Executor, webhook: Webhook, at: Date): Promise<void> {
  const { id, tenantId, accountId, description } = webhook;
  const type = 'webhook.disabled' as const;
  const data = { webhookId: id, description, accountId, reason: 'failing', since: at.toISOString() };
  const payload = eventToPayload({ type, at, data });
  const others = (await listSubscribed(trx, [tenantId])).filter(
    (other) => other.id !== id && other.status === 'enabled' && other.events.includes(type),
  );
  const deliveries = others.map((other) => ({
    webhookId: other.id,
    eventId: makeEventId('webhook', id, type, at.toISOString()),
    type,
    accountId: null,
    lane: `webhook ${id}`,
    payload,
    isDead: false,
  }));
  await addDeliveries(trx, deliveries, at);
}
