import { z } from 'zod';
import { type AccountGrant, deleteGrant, listGrants, saveGrant } from '../../db/account-grant-store.ts';
import { transact } from '../../db/transaction.ts';
import { getVisibleAccount } from '../account-access.ts';
import { enterAudit } from '../audit.ts';
import { getPrincipal } from '../authentication.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import {
  accountParams,
  dataOf,
  errorsOf,
  noBody,
  noQuery,
  pageOf,
  pageQuery,
  success,
  successPage,
} from '../envelope.ts';
import { userIdSchema } from '../text-schema.ts';
import type { HttpApp } from '../typed-fastify.ts';
import { issuesToError } from '../validation.ts';

const GRANTS = `${API_BASE}/accounts/:accountId/grants`;

const grantSchema = z
  .object({
    userId: z.string().meta({
      description: 'The id of an API key, or the `sub` of a user of the host application.',
      examples: ['ada@shop.example'],
    }),
    grantedBy: z.string().meta({ description: 'Who granted it, alike.' }),
    grantedAt: z.string().meta({ format: 'date-time', description: 'ISO 8601 in UTC.' }),
  })
  .meta({ id: 'Grant' });

const grantParams = accountParams.extend({
  userId: z.string().meta({
    description: 'The id of an API key, or the `sub` of a user, exactly as the token has it.',
    maxLength: 255,
  }),
});

const outcomeSchema = z.object({ accountId: z.string(), userId: z.string(), granted: z.boolean() });

/** Which agents and viewers may use an account. */
export function grantRoutes(app: HttpApp, deps: HttpDeps): void {
  listRoute(app, deps);
  changeRoute(app, deps, { method: 'PUT', operationId: 'grantAccount', granted: true, summary: GRANT });
  changeRoute(app, deps, { method: 'DELETE', operationId: 'revokeGrant', granted: false, summary: REVOKE });
}

const GRANT = 'Let an agent or viewer use the account';
const REVOKE = 'End that, also for open Socket.IO connections';

function listRoute(app: HttpApp, { db }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: GRANTS,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'listGrants',
      tags: ['access'],
      summary: 'To whom the account was granted, oldest first',
      description: 'Owners and admins use every account of their tenant without a grant.',
      params: accountParams,
      querystring: z.strictObject(pageQuery),
      response: { 200: pageOf(grantSchema, 'A page of grants.'), ...errorsOf(404) },
    },
    handler: async (request) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      const { limit, cursor } = request.query;
      return successPage(await listGrants(db, account.id, { limit, after: cursor ?? null }), grantToView);
    },
  });
}

interface GrantChange {
  readonly method: 'PUT' | 'DELETE';
  readonly operationId: string;
  readonly granted: boolean;
  readonly summary: string;
}

function changeRoute(
  app: HttpApp,
  { db, log }: HttpDeps,
  { method, operationId, granted, summary }: GrantChange,
): void {
  app.route({
    method,
    url: `${GRANTS}/:userId`,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId,
      tags: ['access'],
      summary,
      description:
        'May be called again. Whether there is such a user is not asked: the host application knows.',
      params: grantParams,
      querystring: noQuery,
      ...(method === 'PUT' ? { body: noBody } : {}),
      response: { 200: dataOf(outcomeSchema, 'How it is now.'), ...errorsOf(404, 413, 415) },
    },
    handler: async (request) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      const userId = parseUserId(request.params.userId);
      const grantedBy = getPrincipal(request).id;
      await transact(db, async (trx) => {
        if (granted) await saveGrant(trx, { accountId: account.id, userId, grantedBy });
        else await deleteGrant(trx, account.id, userId);
        await enterAudit(trx, request, { details: { userId } });
      });
      log.info('Who may use an account was changed', { accountId: account.id, granted });
      return success({ accountId: account.id as string, userId, granted });
    },
  });
}

function parseUserId(text: string): string {
  const parsed = userIdSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw issuesToError(parsed.error.issues, 'userId');
}

function grantToView({ userId, grantedBy, grantedAt }: AccountGrant): z.output<typeof grantSchema> {
  return { userId, grantedBy, grantedAt: grantedAt.toISOString() };
}
