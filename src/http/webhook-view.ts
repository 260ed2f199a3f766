import { z } from 'zod';
import { DELIVERY_STATUSES, type Delivery } from '../db/webhook-delivery-store.ts';
import type { Webhook } from '../db/webhook-store.ts';
import { WEBHOOK_EVENT_NAMES, WEBHOOK_EVENTS } from '../webhooks/event-types.ts';

const instant = z.string().meta({ format: 'date-time', description: 'ISO 8601 in UTC.' });

export const webhookEventSchema = z.enum(WEBHOOK_EVENT_NAMES).meta({
  description: Object.entries(WEBHOOK_EVENTS)
    .map(([name, text]) => `\`${name}\`: ${text}`)
    .join('\n'),
});

/** What becomes of deliveries: they are made, wait for the endpoint, or the webhook was disabled by a user or by failing. */
const STATES = ['active', 'resting', 'disabled', 'failed'] as const;

const webhookShape = {
  id: z.string().meta({ format: 'uuid' }),
  url: z.string().meta({ examples: ['https://shop.example/hooks/whatsapp'] }),
  description: z.string().nullable(),
  accountId: z.string().nullable().meta({
    format: 'uuid',
    description: 'The one account that it is about; null for all of the tenant.',
  }),
  events: z.array(webhookEventSchema).meta({ examples: [['message.received', 'message.status']] }),
  enabled: z.boolean(),
  state: z.enum(STATES).meta({
    description:
      '`resting`: the endpoint took nothing lately and is tried now and then; `disabled` by a user; `failed`: disabled, ' +
      'since nothing was taken for five days.',
  }),
  stateSince: instant.meta({ description: 'Since when it is enabled, or is not.' }),
  failuresInRow: z.int().meta({ description: 'Tries that failed since one was taken.' }),
  nextTryAt: instant.nullable().meta({ description: 'When a resting endpoint is tried; else null.' }),
  createdAt: instant,
  createdBy: z.string().meta({ description: 'The id of a key, or the `sub` of a user.' }),
};

export const webhookSchema = z.object(webhookShape).meta({ id: 'Webhook' });

const secret = z.string().meta({
  description: 'What signatures are checked with. Shown this once.',
  examples: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo='],
});

export const newWebhookSchema = z.object({ ...webhookShape, secret }).meta({ id: 'NewWebhook' });

export const rotatedSecretSchema = z.object({
  webhookId: z.string(),
  secret,
  previousUntil: instant.meta({
    description:
      'Until then the secret before signs as well; those before it do until their own time is over.',
  }),
});

export const deliveryStatusSchema = z.enum(DELIVERY_STATUSES);

export const deliverySchema = z
  .object({
    id: z.string().meta({ examples: ['4711'] }),
    eventId: z.string().meta({
      description: 'The header `webhook-id`: the same for each try, and for every webhook.',
      examples: ['evt_dQw4w9WgXcQmN2pLr7sTuvWxYz0'],
    }),
    type: z.string().meta({ examples: ['message.received'] }),
    status: deliveryStatusSchema.meta({ description: '`dead`: it is tried no more unless it is asked for.' }),
    attempts: z.int(),
    createdAt: instant.meta({ description: 'When it was written down, moments after it happened.' }),
    lastAttemptAt: instant.nullable(),
    nextAttemptAt: instant.nullable().meta({
      description:
        'The earliest, while it is pending: it waits for earlier ones of its chat, and for a resting endpoint.',
    }),
    deliveredAt: instant.nullable(),
    lastStatus: z.int().nullable().meta({ description: 'What the endpoint answered; null if it did not.' }),
    lastError: z
      .string()
      .nullable()
      .meta({ examples: ['The endpoint answered 401. token expired'] }),
  })
  .meta({ id: 'Delivery' });

export function webhookToView(webhook: Webhook): z.output<typeof webhookSchema> {
  const { status, health } = webhook;
  const { restsUntil } = health;
  return {
    id: webhook.id,
    url: webhook.url,
    description: webhook.description,
    accountId: webhook.accountId,
    events: [...webhook.events],
    enabled: status === 'enabled',
    state: status === 'enabled' ? (restsUntil === null ? 'active' : 'resting') : status,
    stateSince: webhook.statusSince.toISOString(),
    failuresInRow: health.failures,
    nextTryAt: status === 'enabled' && restsUntil !== null ? new Date(restsUntil).toISOString() : null,
    createdAt: webhook.createdAt.toISOString(),
    createdBy: webhook.createdBy,
  };
}

export function deliveryToView(delivery: Delivery): z.output<typeof deliverySchema> {
  const { status } = delivery;
  return {
    id: delivery.id,
    eventId: delivery.eventId,
    type: delivery.type,
    status,
    attempts: delivery.attempts,
    createdAt: delivery.createdAt.toISOString(),
    lastAttemptAt: delivery.lastTriedAt?.toISOString() ?? null,
    nextAttemptAt: status === 'pending' ? delivery.nextTryAt.toISOString() : null,
    deliveredAt: status === 'delivered' ? (delivery.endedAt?.toISOString() ?? null) : null,
    lastStatus: delivery.lastStatus,
    lastError: delivery.lastError,
  };
}
