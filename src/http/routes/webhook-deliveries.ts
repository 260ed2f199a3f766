import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { parseDeliveryId } from '../../accounts/ids.ts';
import { transact } from '../../db/transaction.ts';
import { listDeliveries, redeliverDead, redeliverOne } from '../../db/webhook-delivery-store.ts';
import { addDeliveries } from '../../db/webhook-outbox.ts';
import { AppError } from '../../lib/errors.ts';
import { eventToPayload, makeEventId } from '../../webhooks/event.ts';
import { noteAudit } from '../audit.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { dataOf, errorsOf, noBody, noQuery, pageOf, pageQuery, success, successPage } from '../envelope.ts';
import { BODY_EXAMPLES } from '../openapi-examples.ts';
import { instantSchema } from '../text-schema.ts';
import type { HttpApp } from '../typed-fastify.ts';
import { getEnabledWebhook, getOwnWebhook, webhookParams } from '../webhook-access.ts';
import { deliverySchema, deliveryStatusSchema, deliveryToView } from '../webhook-view.ts';

const WEBHOOK = `${API_BASE}/webhooks/:webhookId`;

/** What was sent to a webhook, what waits, and sending it again. */
export function webhookDeliveryRoutes(app: HttpApp, deps: HttpDeps): void {
  listRoute(app, deps);
  redeliverRoute(app, deps);
  redeliverRangeRoute(app, deps);
  testRoute(app, deps);
}

function listRoute(app: HttpApp, { db }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${WEBHOOK}/deliveries`,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'listWebhookDeliveries',
      tags: ['webhooks'],
      summary: 'What was delivered, what waits, and dead letters, newest first',
      description: 'What was delivered is kept for 7 days, dead letters for 30.',
      params: webhookParams,
      querystring: z.strictObject({ ...pageQuery, status: deliveryStatusSchema.optional() }),
      response: { 200: pageOf(deliverySchema, 'A page of deliveries.'), ...errorsOf(404) },
    },
    handler: async (request) => {
      const { id: webhookId } = await getOwnWebhook(db, request, request.params.webhookId);
      const { limit, cursor, status } = request.query;
      const page = await listDeliveries(db, { webhookId, status }, { limit, after: cursor ?? null });
      return successPage(page, deliveryToView);
    },
  });
}

const deliveryParams = webhookParams.extend({
  deliveryId: z.string().meta({ description: 'Id of the delivery.', examples: ['4711'] }),
});

function redeliverRoute(app: HttpApp, { db, webhooks, clock }: HttpDeps): void {
  app.route({
    method: 'POST',
    url: `${WEBHOOK}/deliveries/:deliveryId/redeliver`,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'redeliver',
      tags: ['webhooks'],
      summary: 'Send an event again, whatever became of it',
      description: 'Under the same id, with the same body, as if it had never been tried.',
      params: deliveryParams,
      querystring: noQuery,
      body: noBody,
      response: { 202: dataOf(deliverySchema, 'It waits.'), ...errorsOf(404, 409, 413, 415) },
    },
    handler: async (request, reply) => {
      const { id: webhookId } = await getEnabledWebhook(db, request, request.params.webhookId);
      const id = parseDeliveryId(request.params.deliveryId);
      const delivery = await redeliverOne(db, { webhookId, id, now: new Date(clock.now()) });
      if (delivery === undefined) throw new AppError('DELIVERY_NOT_FOUND');
      webhooks.wake(webhookId);
      noteAudit(request, { details: { eventId: delivery.eventId } });
      return reply.code(202).send(success(deliveryToView(delivery)));
    },
  });
}

const rangeBody = z
  .strictObject({
    from: instantSchema.meta({ description: 'Events of this instant and later.' }),
    to: instantSchema.meta({ description: 'Events before this instant.' }),
  })
  .refine(({ from, to }) => from < to, { error: 'Use an instant after `from`.', path: ['to'] })
  .meta({ [BODY_EXAMPLES]: [{ from: '2026-01-31T08:00:00Z', to: '2026-01-31T20:00:00Z' }] });

function redeliverRangeRoute(app: HttpApp, { db, webhooks, clock, log }: HttpDeps): void {
  app.route({
    method: 'POST',
    url: `${WEBHOOK}/redeliver`,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'redeliverRange',
      tags: ['webhooks'],
      summary: 'Send the dead letters of a time again',
      description: 'Those that were written down (`createdAt`) in that time; in order within each chat.',
      params: webhookParams,
      querystring: noQuery,
      body: rangeBody,
      response: {
        202: dataOf(z.object({ webhookId: z.string(), count: z.int() }), 'So many wait.'),
        ...errorsOf(404, 409, 413, 415),
      },
    },
    handler: async (request, reply) => {
      const { id: webhookId } = await getEnabledWebhook(db, request, request.params.webhookId);
      const { from, to } = request.body;
      const count = await redeliverDead(db, { webhookId, from, to, now: new Date(clock.now()) });
      webhooks.wake(webhookId);
      noteAudit(request, { details: { from: from.toISOString(), to: to.toISOString(), count } });
      log.info('Dead letters of a webhook are sent again', { webhookId, count });
      return reply.code(202).send(success({ webhookId, count }));
    },
  });
}

function testRoute(app: HttpApp, { db, webhooks, clock }: HttpDeps): void {
  app.route({
    method: 'POST',
    url: `${WEBHOOK}/test`,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'testWebhook',
      tags: ['webhooks'],
      summary: 'Send a ping',
      description:
        'An event of type `ping`, signed and delivered as any other; its outcome is among the deliveries.',
      params: webhookParams,
      querystring: noQuery,
      body: noBody,
      response: {
        202: dataOf(z.object({ webhookId: z.string(), eventId: z.string() }), 'It waits.'),
        ...errorsOf(404, 409, 413, 415),
      },
    },
    handler: async (request, reply) => {
      const { id: webhookId } = await getEnabledWebhook(db, request, request.params.webhookId);
      const at = new Date(clock.now());
      const eventId = makeEventId('ping', randomUUID());
      const payload = eventToPayload({ type: 'ping', at, data: { webhookId } });
      const ping = { webhookId, eventId, type: 'ping', accountId: null, payload, isDead: false } as const;
      await transact(db, (trx) => addDeliveries(trx, [{ ...ping, lane: eventId }], at));
      webhooks.wake(webhookId);
      return reply.code(202).send(success({ webhookId, eventId }));
    },
  });
}
