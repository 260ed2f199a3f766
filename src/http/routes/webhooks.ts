import { z } from 'zod';
import { parseWebhookId } from '../../accounts/ids.ts';
import type { Executor } from '../../db/database.ts';
import { deleteWebhook } from '../../db/webhook-removal.ts';
import { rotateSecret } from '../../db/webhook-secret-store.ts';
import {
  changeWebhook,
  insertWebhook,
  listWebhooks,
  passOverUnread,
  WEBHOOKS_OF_TENANT,
  type Webhook,
} from '../../db/webhook-store.ts';
import { AppError } from '../../lib/errors.ts';
import { makeSecret } from '../../webhooks/signature.ts';
import type { WebhookDesk } from '../../webhooks/webhooks.ts';
import { getVisibleAccount } from '../account-access.ts';
import { enterAudit, noteAudit } from '../audit.ts';
import { getPrincipal } from '../authentication.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import {
  dataOf,
  errorsOf,
  noBody,
  noQuery,
  pageOf,
  success,
  successPage,
  uuidPageQuery,
} from '../envelope.ts';
import { BODY_EXAMPLES } from '../openapi-examples.ts';
import { limitedText } from '../text-schema.ts';
import type { HttpApp } from '../typed-fastify.ts';
import { refuseField } from '../validation.ts';
import { getOwnWebhook, webhookParams } from '../webhook-access.ts';
import {
  newWebhookSchema,
  rotatedSecretSchema,
  webhookEventSchema,
  webhookSchema,
  webhookToView,
} from '../webhook-view.ts';

const WEBHOOKS = `${API_BASE}/webhooks`;

/** For so long a secret that was replaced signs beside the new one, in milliseconds. */
const OVERLAP_MS = 24 * 3_600_000;

/** Subscribing to what happens, and keeping subscriptions. */
export function webhookRoutes(app: HttpApp, deps: HttpDeps): void {
  listRoute(app, deps);
  createRoute(app, deps);
  getRoute(app, deps);
  changeRoute(app, deps);
  deleteRoute(app, deps);
  rotateRoute(app, deps);
}

function listRoute(app: HttpApp, { db }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: WEBHOOKS,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'listWebhooks',
      tags: ['webhooks'],
      summary: 'Webhooks of the tenant, oldest first',
      querystring: z.strictObject(uuidPageQuery),
      response: { 200: pageOf(webhookSchema, 'A page of webhooks.'), ...errorsOf() },
    },
    handler: async (request) => {
      const { limit, cursor } = request.query;
      const page = await listWebhooks(db, getPrincipal(request).tenantId, { limit, after: cursor ?? null });
      return successPage(page, webhookToView);
    },
  });
}

const urlSchema = limitedText(2_000).meta({
  format: 'uri',
  description: 'Where events are posted: https, on the public Internet unless WEBHOOK_ALLOW_PRIVATE is on.',
  examples: ['https://shop.example/hooks/whatsapp'],
});
const descriptionSchema = limitedText(200).meta({ examples: ['Order service'] });
const eventsSchema = z
  .array(webhookEventSchema)
  .min(1, 'Give at least one.')
  .max(20, 'Give each once.')
  .transform((events) => [...new Set(events)]);

const newBody = z
  .strictObject({
    url: urlSchema,
    events: eventsSchema,
    accountId: z.string().optional().meta({ format: 'uuid', description: 'Of this account alone.' }),
    description: descriptionSchema.optional(),
  })
  .meta({
    [BODY_EXAMPLES]: [
      {
        url: 'https://shop.example/hooks/whatsapp',
        events: ['message.received', 'message.status'],
        description: 'Order service',
      },
    ],
  });

function createRoute(app: HttpApp, { db, webhooks, feed, log }: HttpDeps): void {
  app.route({
    method: 'POST',
    url: WEBHOOKS,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'createWebhook',
      tags: ['webhooks'],
      summary: 'Subscribe an endpoint to events, from now on',
      description:
        `A tenant may have ${WEBHOOKS_OF_TENANT}: one more is refused with TOO_MANY_WEBHOOKS. ` +
        'The answer holds the secret, this once. Requests are signed in the Standard Webhooks scheme; whatever is not ' +
        'answered with 2xx is sent again for 24 hours. See docs/webhooks.md.',
      querystring: noQuery,
      body: newBody,
      response: { 201: dataOf(newWebhookSchema, 'The webhook.'), ...errorsOf(404, 409, 413, 415) },
    },
    handler: async (request, reply) => {
      const { events, accountId, description = null } = request.body;
      const url = parseUrl(request.body.url, webhooks);
      const principal = getPrincipal(request);
      const account = accountId === undefined ? null : await getVisibleAccount(db, request, accountId);
      const secret = makeSecret();
      await passOverUnread(db);
      const made = await insertWebhook(
        db,
        {
          tenantId: principal.tenantId,
          accountId: account?.account.id ?? null,
          url,
          description,
          events,
          createdBy: principal.id,
          sealSecret: (id) => webhooks.secrets.seal(id, secret),
        },
        (trx, webhook) => enterAudit(trx, request, { target: webhook.id, details: webhookToNote(webhook) }),
      );
      // Until now there may have been nobody to read for.
      feed.wake();
      log.info('A webhook was made', { webhookId: made.id, events });
      reply.header('cache-control', 'no-store');
      return reply.code(201).send(success({ ...webhookToView(made), secret }));
    },
  });
}

/** Of the address its host alone: paths and queries of endpoints may hold what is secret. */
function webhookToNote({ url, events, accountId, status }: Webhook): object {
  return { host: new URL(url).host, events, accountId, status };
}

/** The address as it is asked. @throws AppError VALIDATION_FAILED */
function parseUrl(url: string, { findUrlProblem }: Pick<WebhookDesk, 'findUrlProblem'>): string {
  const problem = findUrlProblem(url);
  if (problem !== undefined) throw refuseField('url', problem);
  return new URL(url).href;
}

function getRoute(app: HttpApp, { db }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${WEBHOOKS}/:webhookId`,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'getWebhook',
      tags: ['webhooks'],
      summary: 'A webhook',
      params: webhookParams,
      querystring: noQuery,
      response: { 200: dataOf(webhookSchema, 'The webhook.'), ...errorsOf(404) },
    },
    handler: async (request) =>
      success(webhookToView(await getOwnWebhook(db, request, request.params.webhookId))),
  });
}

const changeBody = z
  .strictObject({
    url: urlSchema.optional(),
    events: eventsSchema.optional(),
    description: descriptionSchema.nullable().optional(),
    enabled: z
      .boolean()
      .optional()
      .meta({
        description:
          'False ends deliveries: what waits becomes dead letters, and what happens is not kept. True takes them up, also of a ' +
          'webhook that failed, whose dead letters can be redelivered.',
      }),
  })
  .meta({
    [BODY_EXAMPLES]: [
      { enabled: true },
      { events: ['message.received', 'account.needs_human'], description: null },
    ],
  });

function changeRoute(app: HttpApp, { db, webhooks, feed, clock, log }: HttpDeps): void {
  app.route({
    method: 'PATCH',
    url: `${WEBHOOKS}/:webhookId`,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'changeWebhook',
      tags: ['webhooks'],
      summary: 'Change a webhook, disable or enable it',
      params: webhookParams,
      querystring: noQuery,
      body: changeBody,
      response: { 200: dataOf(webhookSchema, 'How it is now.'), ...errorsOf(404, 413, 415) },
    },
    handler: async (request) => {
      const id = parseWebhookId(request.params.webhookId);
      const { tenantId } = getPrincipal(request);
      await getOwnWebhook(db, request, id);
      const url = request.body.url === undefined ? undefined : parseUrl(request.body.url, webhooks);
      if (request.body.enabled === true) await passOverUnread(db);
      const change = { ...request.body, url };
      const changed = await changeWebhook(db, { tenantId, id, change, now: new Date(clock.now()) });
      if (changed === undefined) throw new AppError('WEBHOOK_NOT_FOUND');
      webhooks.wake(id);
      feed.wake();
      noteAudit(request, { details: webhookToNote(changed) });
      log.info('A webhook was changed', { webhookId: id, status: changed.status });
      return success(webhookToView(changed));
    },
  });
}

function deleteRoute(app: HttpApp, { db, log }: HttpDeps): void {
  app.route({
    method: 'DELETE',
    url: `${WEBHOOKS}/:webhookId`,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'deleteWebhook',
      tags: ['webhooks'],
      summary: 'End a subscription, with all that waits for it',
      params: webhookParams,
      querystring: noQuery,
      response: {
        200: dataOf(z.object({ webhookId: z.string(), deleted: z.literal(true) }), 'It is gone.'),
        ...errorsOf(404, 413, 415),
      },
    },
    handler: async (request) => {
      const id = parseWebhookId(request.params.webhookId);
      const alongside = (trx: Executor) => enterAudit(trx, request, {});
      if (!(await deleteWebhook(db, getPrincipal(request).tenantId, id, { alongside })))
        throw new AppError('WEBHOOK_NOT_FOUND');
      log.info('A webhook was deleted', { webhookId: id });
      return success({ webhookId: id, deleted: true as const });
    },
  });
}

function rotateRoute(app: HttpApp, { db, webhooks, clock, log }: HttpDeps): void {
  app.route({
    method: 'POST',
    url: `${WEBHOOKS}/:webhookId/rotate-secret`,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'rotateWebhookSecret',
      tags: ['webhooks'],
      summary: 'Replace the secret',
      description:
        'The one before signs each request as well for 24 hours, so that consumers have time to change over, and so do those ' +
        'before it until their own 24 hours are over, as long as they are among the newest five: a rotation whose answer was lost ' +
        'can be repeated.',
      params: webhookParams,
      querystring: noQuery,
      body: noBody,
      response: { 200: dataOf(rotatedSecretSchema, 'The new secret.'), ...errorsOf(404, 413, 415) },
    },
    handler: async (request, reply) => {
      const { id } = await getOwnWebhook(db, request, request.params.webhookId);
      const secret = makeSecret();
      const now = clock.now();
      const previousUntil = new Date(now + OVERLAP_MS);
      const sealed = webhooks.secrets.seal(id, secret);
      const alongside = (trx: Executor) => enterAudit(trx, request, {});
      await rotateSecret(db, { id, sealed, previousUntil, now: new Date(now), alongside });
      webhooks.wake(id);
      log.info('The secret of a webhook was replaced', { webhookId: id });
      reply.header('cache-control', 'no-store');
      return success({ webhookId: id, secret, previousUntil: previousUntil.toISOString() });
    },
  });
}
