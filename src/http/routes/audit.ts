import { z } from 'zod';
import { listAudit, type StoredAuditEntry } from '../../db/audit-store.ts';
import { getPrincipal } from '../authentication.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { errorsOf, pageOf, pageQuery, successPage } from '../envelope.ts';
import { instantFromQuery, userIdSchema } from '../text-schema.ts';
import type { HttpApp } from '../typed-fastify.ts';

const entrySchema = z
  .object({
    id: z.string().meta({ examples: ['4711'] }),
    at: z.string().meta({ format: 'date-time', description: 'ISO 8601 in UTC.' }),
    actor: z.object({
      kind: z.enum(['key', 'user']),
      id: z.string().meta({ description: 'Id of the key, or `sub` of the user.' }),
      name: z.string().meta({ description: 'As it was called then.' }),
    }),
    action: z.string().meta({
      description: 'The `operationId` of the request.',
      examples: ['sendMessage', 'revokeKey'],
    }),
    target: z
      .string()
      .nullable()
      .meta({ description: 'Id of the account, message, campaign or key; null if it was none.' }),
    address: z.string().meta({
      description: 'From which the request came, as the daemon sees it.',
      examples: ['127.0.0.1'],
    }),
    requestId: z.string(),
    details: z
      .record(z.string(), z.unknown())
      .nullable()
      .meta({ description: 'What else the action says of itself; no messages, no keys.' }),
  })
  .meta({ id: 'AuditEntry' });

const query = z.strictObject({
  ...pageQuery,
  actor: userIdSchema.optional().meta({ description: 'Id of a key, or `sub` of a user.' }),
  action: z
    .string()
    .regex(/^[\x20-\x7e]{1,200}$/, 'Use the operationId of a request.')
    .optional()
    .meta({ description: 'The `operationId` of a request.', examples: ['createKey'] }),
  since: instantFromQuery.optional().meta({ description: 'Changes of this instant and later.' }),
  until: instantFromQuery.optional().meta({ description: 'Changes before this instant.' }),
});

/** Reading who changed what. */
export function auditRoutes(app: HttpApp, { db }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${API_BASE}/audit`,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'listAudit',
      tags: ['access'],
      summary: 'Changes of the tenant, newest first: who, what and from where',
      description:
        'Every request that changed something, written before it was answered. Entries are never changed nor deleted. Every ' +
        'condition that is given must hold.',
      querystring: query,
      response: { 200: pageOf(entrySchema, 'A page of changes.'), ...errorsOf() },
    },
    handler: async (request) => {
      const { limit, cursor, ...filter } = request.query;
      const page = { limit, after: cursor ?? null };
      return successPage(await listAudit(db, getPrincipal(request).tenantId, filter, page), entryToView);
    },
  });
}

function entryToView(entry: StoredAuditEntry): z.output<typeof entrySchema> {
  return {
    id: entry.id,
    at: entry.at.toISOString(),
    actor: entry.actor,
    action: entry.action,
    target: entry.target,
    address: entry.address,
    requestId: entry.requestId,
    details: entry.details === null ? null : { ...entry.details },
  };
}
