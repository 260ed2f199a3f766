import { z } from 'zod';
import { parseKeyId } from '../../accounts/ids.ts';
import { findVainScopes, mayIssue } from '../../accounts/key-rules.ts';
import { insertKey, listKeys, revokeKey } from '../../db/issued-key-store.ts';
import { transact } from '../../db/transaction.ts';
import { AppError } from '../../lib/errors.ts';
import { enterAudit } from '../audit.ts';
import { getPrincipal } from '../authentication.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { keyToHash, keyToPrefix, makeKey } from '../credentials.ts';
import { dataOf, errorsOf, noQuery, pageOf, success, successPage, uuidPageQuery } from '../envelope.ts';
import { keySchema, keyToView, newKeySchema, permissionSchema, roleSchema } from '../key-view.ts';
import { MANAGED_KEY_NAMES } from '../owner-key.ts';
import { instantSchema, limitedText } from '../text-schema.ts';
import type { HttpApp } from '../typed-fastify.ts';
import { refuseField } from '../validation.ts';

/** Making, listing and revoking API keys. */
export function keyRoutes(app: HttpApp, deps: HttpDeps): void {
  listRoute(app, deps);
  createRoute(app, deps);
  revokeRoute(app, deps);
}

function listRoute(app: HttpApp, { db }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${API_BASE}/keys`,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'listKeys',
      tags: ['access'],
      summary: 'API keys of the tenant that were not revoked, oldest first',
      querystring: z.strictObject(uuidPageQuery),
      response: { 200: pageOf(keySchema, 'A page of keys.'), ...errorsOf() },
    },
    handler: async (request) => {
      const { limit, cursor } = request.query;
      const page = await listKeys(db, getPrincipal(request).tenantId, { limit, after: cursor ?? null });
      return successPage(page, keyToView);
    },
  });
}

const body = z
  .strictObject({
    name: limitedText(100)
      .refine((name) => !MANAGED_KEY_NAMES.includes(name), { error: "This name is the daemon's own." })
      .meta({ examples: ['Order service'] }),
    role: roleSchema.meta({ examples: ['agent'] }),
    scopes: z
      .array(permissionSchema)
      .min(1, 'Give at least one, or leave the field out.')
      .max(10, 'Give each once.')
      .optional()
      .meta({ description: 'Narrows the role to these permissions.', examples: [['whatsapp:read']] }),
    expiresAt: instantSchema.optional().meta({ description: 'An instant to come.' }),
  })
  .superRefine(({ role, scopes = [] }, context) => {
    for (const scope of findVainScopes(role, scopes)) {
      const message = `The role ${role} does not hold ${scope}.`;
      context.addIssue({ code: 'custom', path: ['scopes'], message });
    }
  });

function createRoute(app: HttpApp, { db, clock, log }: HttpDeps): void {
  app.route({
    method: 'POST',
    url: `${API_BASE}/keys`,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'createKey',
      tags: ['access'],
      summary: 'Make an API key',
      description:
        'The answer holds the key itself, this once. Nobody makes a key that may do more than who asks, or that lasts ' +
        'longer, and only owners make keys of owners: 403.',
      querystring: noQuery,
      body,
      response: { 201: dataOf(newKeySchema, 'The key.'), ...errorsOf(413, 415) },
    },
    handler: async (request, reply) => {
      const principal = getPrincipal(request);
      const { name, role, scopes = null, expiresAt = null } = request.body;
      if (expiresAt !== null && expiresAt.getTime() <= clock.now()) {
        throw refuseField('expiresAt', 'Use an instant to come.');
      }
      if (!mayIssue(principal, { role, scopes, expiresAt })) {
        const message = 'You cannot make a key that may do more than yours, or that lasts longer.';
        throw new AppError('FORBIDDEN', { message });
      }
      const key = makeKey();
      const made = await transact(db, async (trx) => {
        const { tenantId, id: createdBy } = principal;
        const power = { role, scopes: scopes === null ? null : [...new Set(scopes)], expiresAt };
        const secret = { prefix: keyToPrefix(key), sha256: keyToHash(key) };
        const inserted = await insertKey(trx, { tenantId, name, createdBy, ...power, ...secret });
        const details = { name, role, scopes, expiresAt: expiresAt?.toISOString() ?? null };
        await enterAudit(trx, request, { target: inserted.id, details });
        return inserted;
      });
      log.info('An API key was made', { keyId: made.id, role });
      reply.header('cache-control', 'no-store');
      return reply.code(201).send(success({ ...keyToView(made), key }));
    },
  });
}

function revokeRoute(app: HttpApp, { db, clock, log }: HttpDeps): void {
  app.route({
    method: 'DELETE',
    url: `${API_BASE}/keys/:keyId`,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'revokeKey',
      tags: ['access'],
      summary: 'Revoke an API key at once',
      description:
        'At every instance, also for open Socket.IO connections, with all that was granted to it. Only owners revoke keys ' +
        'of owners: 403. The last key of an owner that can manage the tenant, without expiry if there is one, stays: 409 ' +
        '`LAST_OWNER_KEY`.',
      params: z.object({ keyId: z.string().meta({ description: 'Id of the key.', format: 'uuid' }) }),
      querystring: noQuery,
      response: {
        200: dataOf(z.object({ keyId: z.string(), revoked: z.literal(true) }), 'It is revoked.'),
        ...errorsOf(404, 409, 413, 415),
      },
    },
    handler: async (request) => {
      const id = parseKeyId(request.params.keyId);
      const revocation = await revokeKey(db, getPrincipal(request), {
        id,
        now: new Date(clock.now()),
        alongside: (trx, { name, role }) => enterAudit(trx, request, { details: { name, role } }),
      });
      if (revocation === undefined) throw new AppError('KEY_NOT_FOUND');
      if (revocation.verdict === 'last-owner-key') throw new AppError('LAST_OWNER_KEY');
      if (revocation.verdict === 'forbidden') {
        throw new AppError('FORBIDDEN', { message: 'Only an owner revokes keys of owners.' });
      }
      log.info('An API key was revoked', { keyId: id, role: revocation.key.role });
      return success({ keyId: id, revoked: true as const });
    },
  });
}
