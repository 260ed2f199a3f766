import { z } from 'zod';
import { findRetention, saveRetention } from '../../db/retention.ts';
import { noteAudit } from '../audit.ts';
import { getPrincipal } from '../authentication.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { dataOf, errorsOf, noQuery, success } from '../envelope.ts';
import type { HttpApp } from '../typed-fastify.ts';

/** A hundred years. */
const MAX_DAYS = 36_500;

const retentionDays = z
  .int('Use a whole number of days, or null.')
  .min(1, `Use 1 to ${MAX_DAYS} days, or null to keep messages for ever.`)
  .max(MAX_DAYS, `Use 1 to ${MAX_DAYS} days, or null to keep messages for ever.`)
  .nullable()
  .meta({
    description:
      'Messages that are older are deleted with their media, within minutes, and stay away. Those on their way out are kept. Null keeps them for ever.',
    examples: [365],
  });

const settingsSchema = z.object({ retentionDays }).meta({ id: 'Settings' });

/** What holds for all accounts of a tenant. */
export function settingRoutes(app: HttpApp, { db }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${API_BASE}/settings`,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'getSettings',
      tags: ['settings'],
      summary: 'What holds for all accounts of the tenant',
      querystring: noQuery,
      response: { 200: dataOf(settingsSchema, 'The settings.'), ...errorsOf() },
    },
    handler: async (request) =>
      success({ retentionDays: await findRetention(db, getPrincipal(request).tenantId) }),
  });

  app.route({
    method: 'PATCH',
    url: `${API_BASE}/settings`,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'changeSettings',
      tags: ['settings'],
      summary: 'Change what is given and nothing else',
      querystring: noQuery,
      body: z
        .strictObject({ retentionDays })
        .partial()
        .meta({ examples: [{ retentionDays: 365 }] }),
      response: { 200: dataOf(settingsSchema, 'The settings as they are now.'), ...errorsOf(413, 415) },
    },
    handler: async (request) => {
      const { tenantId } = getPrincipal(request);
      if (request.body.retentionDays !== undefined)
        await saveRetention(db, tenantId, request.body.retentionDays);
      noteAudit(request, { details: request.body });
      return success({ retentionDays: await findRetention(db, tenantId) });
    },
  });
}
