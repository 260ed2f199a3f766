import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { parseWebhookId } from '../accounts/ids.ts';
import type { Executor } from '../db/database.ts';
import { findWebhook, type Webhook } from '../db/webhook-store.ts';
import { AppError } from '../lib/errors.ts';
import { getPrincipal } from './authentication.ts';

export const webhookParams = z.object({
  webhookId: z.string().meta({ description: 'Id of the webhook.', format: 'uuid' }),
});

/** The tenant's webhook that a request names. @throws AppError WEBHOOK_NOT_FOUND, also for one of another tenant */
export async function getOwnWebhook(
  db: Executor,
  request: FastifyRequest,
  webhookId: string,
): Promise<Webhook> {
  const found = await findWebhook(db, getPrincipal(request).tenantId, parseWebhookId(webhookId));
  if (found === undefined) throw new AppError('WEBHOOK_NOT_FOUND');
  return found;
}

/** The same, if anything is delivered there. @throws AppError WEBHOOK_NOT_FOUND, WEBHOOK_DISABLED */
export async function getEnabledWebhook(
  db: Executor,
  request: FastifyRequest,
  webhookId: string,
): Promise<Webhook> {
  const webhook = await getOwnWebhook(db, request, webhookId);
  if (webhook.status !== 'enabled') throw new AppError('WEBHOOK_DISABLED');
  return webhook;
}
