import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { countItems, listItems } from '../../db/campaign-items.ts';
import { listCampaigns } from '../../db/campaign-store.ts';
import { findRateDelay } from '../../db/send-claim.ts';
import { findFullDay } from '../../db/slot-store.ts';
import { getVisibleAccount, getVisibleCampaign } from '../account-access.ts';
import { enterAudit, noteAudit, noteEntered } from '../audit.ts';
import {
  campaignBodySchema,
  campaignItemToView,
  campaignItemViewSchema,
  campaignProgressSchema,
  campaignSchema,
  campaignToProgressView,
  campaignToView,
  createdCampaignSchema,
} from '../campaign-view.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import {
  accountParams,
  campaignParams,
  dataOf,
  errorsOf,
  noBody,
  noQuery,
  pageOf,
  pageQuery,
  success,
  successPage,
  uuidPageQuery,
} from '../envelope.ts';
import { idempotencyHeaders } from '../idempotency-header.ts';
import { bodyToSendRequest } from '../send-body.ts';
import type { HttpApp } from '../typed-fastify.ts';
import { SEND_BODY_LIMIT } from './sending.ts';

/** Named batches of messages. */
export function campaignRoutes(app: HttpApp, deps: HttpDeps): void {
  createRoute(app, deps);
  listRoute(app, deps);
  readRoute(app, deps);
  itemsRoute(app, deps);
  for (const action of ACTIONS) actionRoute(app, deps, action);
}

function createRoute(app: HttpApp, { db, campaigns, log }: HttpDeps): void {
  app.route({
    method: 'POST',
    url: `${API_BASE}/accounts/:accountId/campaigns`,
    config: { permission: 'whatsapp:send' },
    bodyLimit: SEND_BODY_LIMIT,
    schema: {
      operationId: 'createCampaign',
      tags: ['campaigns'],
      summary: 'Create a campaign of up to 1,000 messages, which begins at once',
      description:
        'Its items become messages in their order, a few at a time, while the account is connected: other messages of ' +
        'the account leave between them. While it is not, or its daily limit is used up, the campaign waits, and it goes no faster than ' +
        'the limit per minute: `waitsFor` tells. With the header Idempotency-Key the same body creates one campaign.',
      params: accountParams,
      querystring: noQuery,
      headers: idempotencyHeaders,
      body: campaignBodySchema,
      response: { 201: dataOf(createdCampaignSchema, 'It is created.'), ...errorsOf(404, 409, 413, 415) },
    },
    handler: async (request, reply) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      const { name } = request.body;
      const items = request.body.items.map(bodyToSendRequest);
      const requestHash = createHash('sha256')
        .update(`campaign ${JSON.stringify([name, items])}`)
        .digest('hex');
      const idempotencyKey = request.headers['idempotency-key'] ?? null;
      const campaignId = await campaigns.create(
        account,
        { name, items },
        {
          idempotencyKey,
          requestHash,
          alongside: (trx, id) =>
            enterAudit(trx, request, { details: { campaignId: id, total: items.length } }),
        },
      );
      noteEntered(request);
      log.info('A campaign was created', { accountId: account.id, campaignId, total: items.length });
      const created = { campaignId: campaignId as string, status: 'running' as const, total: items.length };
      return reply.code(201).send(success(created));
    },
  });
}

function listRoute(app: HttpApp, { db }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${API_BASE}/accounts/:accountId/campaigns`,
    config: { permission: 'whatsapp:send' },
    schema: {
      operationId: 'listCampaigns',
      tags: ['campaigns'],
      summary: 'Campaigns of an account, newest first',
      params: accountParams,
      querystring: z.strictObject(uuidPageQuery),
      response: { 200: pageOf(campaignSchema, 'A page of campaigns.'), ...errorsOf(404) },
    },
    handler: async (request) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      const { limit, cursor } = request.query;
      return successPage(
        await listCampaigns(db, account.id, { limit, after: cursor ?? null }),
        campaignToView,
      );
    },
  });
}

function readRoute(app: HttpApp, deps: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${API_BASE}/campaigns/:campaignId`,
    config: { permission: 'whatsapp:send' },
    schema: {
      operationId: 'getCampaign',
      tags: ['campaigns'],
      summary: 'One campaign, with its progress',
      params: campaignParams,
      querystring: noQuery,
      response: { 200: dataOf(campaignProgressSchema, 'The campaign.'), ...errorsOf(404) },
    },
    handler: async (request) => success(await readProgress(deps, request, request.params.campaignId)),
  });
}

function itemsRoute(app: HttpApp, { db }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${API_BASE}/campaigns/:campaignId/items`,
    config: { permission: 'whatsapp:send' },
    schema: {
      operationId: 'listCampaignItems',
      tags: ['campaigns'],
      summary: 'Items of a campaign, in their order',
      params: campaignParams,
      querystring: z.strictObject(pageQuery),
      response: { 200: pageOf(campaignItemViewSchema, 'A page of items.'), ...errorsOf(404) },
    },
    handler: async (request) => {
      const { campaign } = await getVisibleCampaign(db, request, request.params.campaignId);
      const { limit, cursor } = request.query;
      return successPage(await listItems(db, campaign, { limit, after: cursor ?? null }), campaignItemToView);
    },
  });
}

/** What can be done with a campaign that has not ended; doing it again changes nothing. */
const ACTIONS = [
  {
    name: 'pause',
    summary: 'Pause a campaign',
    description:
      'From the answer on no further item is accepted; the few messages that were accepted and wait to be handed ' +
      'to WhatsApp still leave.',
  },
  { name: 'resume', summary: 'Let a paused campaign go on', description: 'Where it was paused.' },
  {
    name: 'cancel',
    summary: 'Cancel a campaign',
    description:
      'Items that wait, and messages that were not handed to WhatsApp, are cancelled; what was handed over stays.',
  },
] as const;

function actionRoute(
  app: HttpApp,
  deps: HttpDeps,
  { name, summary, description }: (typeof ACTIONS)[number],
): void {
  const { db, campaigns, log } = deps;
  app.route({
    method: 'POST',
    url: `${API_BASE}/campaigns/:campaignId/${name}`,
    config: { permission: 'whatsapp:send' },
    schema: {
      operationId: `${name}Campaign`,
      tags: ['campaigns'],
      summary,
      description: `${description} One that has ended answers 409 CAMPAIGN_ENDED.`,
      params: campaignParams,
      querystring: noQuery,
      body: noBody,
      response: {
        200: dataOf(campaignProgressSchema, 'The campaign as it is now.'),
        ...errorsOf(404, 409, 413, 415),
      },
    },
    handler: async (request) => {
      const { campaign } = await getVisibleCampaign(db, request, request.params.campaignId);
      await campaigns[name](campaign);
      noteAudit(request, {});
      log.info('A campaign was changed', { accountId: campaign.accountId, campaignId: campaign.id, name });
      return success(await readProgress(deps, request, campaign.id));
    },
  });
}

async function readProgress(
  { db, messageRateLimit, clock }: HttpDeps,
  request: FastifyRequest,
  campaignId: string,
) {
  const { campaign, today } = await getVisibleCampaign(db, request, campaignId);
  const { account } = today;
  const at = new Date(clock.now());
  const [items, full, delayMs] = await Promise.all([
    countItems(db, campaign.id),
    findFullDay(db, account.id, at),
    findRateDelay(db, account.id, { at, perMinute: messageRateLimit }),
  ]);
  return campaignToProgressView(campaign, items, {
    isConnected: account.state === 'connected',
    fullUntil: full?.nextAt ?? null,
    minuteFullUntil: delayMs === 0 ? null : new Date(at.getTime() + delayMs),
  });
}
