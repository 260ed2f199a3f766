import { z } from 'zod';
import { principalToScope } from '../../accounts/principal.ts';
import { countOfAccount } from '../../db/account-count.ts';
import {
  type AccountToday,
  isTimezoneKnown,
  listAccountsToday,
  updateAccount,
} from '../../db/account-directory.ts';
import { markAccountDeleted, purgeAccount } from '../../db/account-removal.ts';
import type { Executor } from '../../db/database.ts';
import { isAppError } from '../../lib/errors.ts';
import { getVisibleAccount } from '../account-access.ts';
import { accountSchema, accountToView, singleAccountSchema } from '../account-view.ts';
import { enterAudit, noteAudit } from '../audit.ts';
import { getPrincipal } from '../authentication.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import {
  accountParams,
  dataOf,
  errorsOf,
  noQuery,
  pageOf,
  success,
  successPage,
  uuidPageQuery,
} from '../envelope.ts';
import { dailyLimitSchema, displayNameSchema, timezoneSchema } from '../text-schema.ts';
import type { HttpApp } from '../typed-fastify.ts';
import { refuseField } from '../validation.ts';

/** Listing, reading, changing and deleting accounts. */
export function accountRoutes(app: HttpApp, deps: HttpDeps): void {
  listRoute(app, deps);
  readRoute(app, deps);
  changeRoute(app, deps);
  deleteRoute(app, deps);
}

/** @throws AppError VALIDATION_FAILED for a zone that Node knows and PostgreSQL does not */
export async function checkTimezone(db: Executor, timezone: string): Promise<void> {
  if (await isTimezoneKnown(db, timezone)) return;
  throw refuseField('timezone', 'The database does not know this time zone.');
}

function listRoute(app: HttpApp, { db, channel }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${API_BASE}/accounts`,
    config: { permission: 'whatsapp:read' },
    schema: {
      operationId: 'listAccounts',
      tags: ['accounts'],
      summary: 'Accounts of the tenant, oldest first; agents and viewers see those that they were granted',
      querystring: z.strictObject(uuidPageQuery),
      response: { 200: pageOf(accountSchema, 'A page of accounts.'), ...errorsOf() },
    },
    handler: async (request) => {
      const scope = principalToScope(getPrincipal(request));
      const { limit, cursor } = request.query;
      const page = await listAccountsToday(db, scope, { limit, after: cursor ?? null });
      return successPage(page, (today: AccountToday) =>
        accountToView(today, channel.findStatus(today.account.id)),
      );
    },
  });
}

function readRoute(app: HttpApp, deps: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${API_BASE}/accounts/:accountId`,
    config: { permission: 'whatsapp:read' },
    schema: {
      operationId: 'getAccount',
      tags: ['accounts'],
      summary: 'One account',
      params: accountParams,
      querystring: noQuery,
      response: { 200: dataOf(singleAccountSchema, 'The account.'), ...errorsOf(404) },
    },
    handler: async (request) => {
      const today = await getVisibleAccount(deps.db, request, request.params.accountId);
      return success(await toSingleView(deps, today));
    },
  });
}

function changeRoute(app: HttpApp, deps: HttpDeps): void {
  const body = z
    .strictObject({
      displayName: displayNameSchema.nullable(),
      dailyLimit: dailyLimitSchema,
      timezone: timezoneSchema,
      isActive: z.boolean(),
    })
    .partial()
    .meta({ examples: [{ displayName: 'Front desk', dailyLimit: 500 }] });
  app.route({
    method: 'PATCH',
    url: `${API_BASE}/accounts/:accountId`,
    config: { permission: 'whatsapp:connect' },
    schema: {
      operationId: 'changeAccount',
      tags: ['accounts'],
      summary: 'Change what is given and nothing else',
      params: accountParams,
      querystring: noQuery,
      body,
      response: { 200: dataOf(singleAccountSchema, 'The account as it is now.'), ...errorsOf(404, 413, 415) },
    },
    handler: async (request) => {
      const { account } = await getVisibleAccount(deps.db, request, request.params.accountId);
      if (request.body.timezone !== undefined) await checkTimezone(deps.db, request.body.timezone);
      await updateAccount(deps.db, account.id, request.body, new Date(deps.clock.now()));
      noteAudit(request, { details: request.body });
      deps.outbox.wake(account.id);
      deps.announcements.reviewHealth(account.id);
      const today = await getVisibleAccount(deps.db, request, account.id);
      return success(await toSingleView(deps, today));
    },
  });
}

function deleteRoute(app: HttpApp, { db, channel, log }: HttpDeps): void {
  const deleted = z.object({
    accountId: z.string().meta({ format: 'uuid' }),
    deleted: z.literal(true),
    purged: z.boolean(),
  });
  app.route({
    method: 'DELETE',
    url: `${API_BASE}/accounts/:accountId`,
    config: { permission: 'whatsapp:disconnect' },
    schema: {
      operationId: 'deleteAccount',
      tags: ['accounts'],
      summary: 'Disconnect and delete an account',
      description:
        'What waits to be sent is cancelled, and what was handed over and not confirmed is `unknown`; both are told as any other ' +
        'step of a message. Its messages are kept, and can still be read by their id, unless `purge` is true.',
      params: accountParams,
      querystring: z.strictObject({ purge: z.enum(['true', 'false']).default('false') }),
      response: { 200: dataOf(deleted, 'It is deleted.'), ...errorsOf(404, 413, 415) },
    },
    handler: async (request) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      const purged = request.query.purge === 'true';
      await channel.disconnect(account.id);
      const alongside = (trx: Executor) => enterAudit(trx, request, { details: { purged } });
      await (purged ? purgeAccount : markAccountDeleted)(db, account.id, { alongside });
      // Somebody may have started it in between. Of one that is purged there may be nothing left to disconnect.
      await channel.disconnect(account.id).catch((thrown: unknown) => {
        if (!isAppError(thrown, 'ACCOUNT_NOT_FOUND')) throw thrown;
      });
      log.info('An account was deleted', { accountId: account.id, purged });
      return success({ accountId: account.id as string, deleted: true as const, purged });
    },
  });
}

async function toSingleView(
  { db, channel }: HttpDeps,
  today: AccountToday,
): Promise<z.output<typeof singleAccountSchema>> {
  const { account } = today;
  const counts = await countOfAccount(db, account.id);
  return {
    ...accountToView(today, channel.findStatus(account.id)),
    isConnected: account.state === 'connected',
    _count: counts,
  };
}
