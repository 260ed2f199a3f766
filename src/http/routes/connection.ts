import { z } from 'zod';
import type { Pairing } from '../../accounts/account.ts';
import { type AccountId, makeAccountId } from '../../accounts/ids.ts';
import { stateToConnectionStatus } from '../../accounts/state.ts';
import { deleteUnusedAccount, insertAccount, isNumberLinked } from '../../db/account-directory.ts';
import { isDatabaseAway } from '../../db/outage.ts';
import { findAttempt } from '../../db/session-event-store.ts';
import { AppError, isAppError } from '../../lib/errors.ts';
import { getVisibleAccount } from '../account-access.ts';
import { accountHealthSchema, accountToHealthView, connectionStatusSchema } from '../account-view.ts';
import { noteAudit } from '../audit.ts';
import { getPrincipal } from '../authentication.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { accountParams, dataOf, errorsOf, noBody, noQuery, success } from '../envelope.ts';
import { dailyLimitSchema, displayNameSchema, phoneNumberSchema, timezoneSchema } from '../text-schema.ts';
import type { HttpApp } from '../typed-fastify.ts';
import { checkTimezone } from './accounts.ts';
import { pairingCodeRoute } from './pairing-code.ts';
import { qrRoute } from './qr-code.ts';

const stepSchema = z.object({
  accountId: z.string().meta({ format: 'uuid' }),
  status: connectionStatusSchema,
  message: z.string().meta({ examples: ['The session is starting again.'] }),
});

/** Connecting, scanning, reconnecting, disconnecting, and how a connection is. */
export function connectionRoutes(app: HttpApp, deps: HttpDeps): void {
  connectRoute(app, deps);
  qrRoute(app, deps);
  pairingCodeRoute(app, deps);
  healthRoute(app, deps);
  reconnectRoute(app, deps);
  disconnectRoute(app, deps);
}

const connectBody = z
  .strictObject({
    phoneNumber: phoneNumberSchema.meta({ description: 'Only this phone may scan.' }),
    displayName: displayNameSchema,
    pairing: z.enum(['qr', 'code'], { error: 'Use "qr" or "code".' }).meta({
      description:
        'How the phone is linked: it scans a QR code, or its user types a code. `code` needs `phoneNumber`.',
    }),
    dailyLimit: dailyLimitSchema,
    timezone: timezoneSchema,
  })
  .partial()
  .refine(({ pairing, phoneNumber }) => pairing !== 'code' || phoneNumber !== undefined, {
    path: ['phoneNumber'],
    error: 'Give the number of the phone on which the code will be typed.',
  })
  .nullish()
  .meta({
    examples: [
      { displayName: 'Front desk', timezone: 'Europe/Berlin' },
      { phoneNumber: '+491700000001', pairing: 'code' },
    ],
  });

function connectRoute(app: HttpApp, deps: HttpDeps): void {
  app.route({
    method: 'POST',
    url: `${API_BASE}/connect`,
    config: { permission: 'whatsapp:connect' },
    schema: {
      operationId: 'connect',
      tags: ['connection'],
      summary: 'Create an account and start to link it',
      querystring: noQuery,
      body: connectBody,
      response: { 201: dataOf(stepSchema, 'A code will be there shortly.'), ...errorsOf(409, 413, 415) },
    },
    handler: async (request, reply) => {
      const accountId = await connect(deps, getPrincipal(request).tenantId, request.body ?? {});
      noteAudit(request, { target: accountId, details: { pairing: request.body?.pairing ?? 'qr' } });
      return reply.code(201).send(
        success({
          accountId: accountId as string,
          status: 'Connecting' as const,
          message: howToLink(request.body?.pairing, accountId),
        }),
      );
    },
  });
}

function howToLink(pairing: Pairing = 'qr', accountId: AccountId): string {
  return pairing === 'code'
    ? `Type the pairing code on the phone: GET ${API_BASE}/pairing-code/${accountId}`
    : `Scan the QR code: GET ${API_BASE}/qr-code/${accountId}`;
}

type ConnectBody = NonNullable<z.output<typeof connectBody>>;

async function connect(
  { db, channel, instanceId, accountDefaults, log }: HttpDeps,
  tenantId: ReturnType<typeof getPrincipal>['tenantId'],
  body: ConnectBody,
) {
  const { phoneNumber, timezone = accountDefaults.timezone } = body;
  await checkTimezone(db, timezone);
  if (phoneNumber !== undefined && (await isNumberLinked(db, tenantId, phoneNumber))) {
    throw new AppError('ALREADY_LINKED', {
      message: 'This number is linked to an account already. Use that account, or disconnect it first.',
    });
  }
  const id = makeAccountId();
  await insertAccount(db, {
    id,
    tenantId,
    instanceId,
    expectedPhoneNumber: phoneNumber ?? null,
    pairing: body.pairing ?? 'qr',
    displayName: body.displayName ?? null,
    dailyLimit: body.dailyLimit ?? accountDefaults.dailyLimit,
    timezone,
  });
  try {
    await channel.start(id);
  } catch (thrown) {
    await deleteUnusedAccount(db, id);
    throw toStartError(thrown);
  }
  log.info('An account was created', { accountId: id });
  return id;
}

function healthRoute(app: HttpApp, { db, channel }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${API_BASE}/health/:accountId`,
    config: { permission: 'whatsapp:read' },
    schema: {
      operationId: 'getAccountHealth',
      tags: ['connection'],
      summary: 'How the connection of an account is',
      params: accountParams,
      querystring: noQuery,
      response: { 200: dataOf(accountHealthSchema, 'The account and its health.'), ...errorsOf(404) },
    },
    handler: async (request) => {
      const today = await getVisibleAccount(db, request, request.params.accountId);
      const { id, state } = today.account;
      const status = channel.findStatus(id);
      const isCountedElsewhere = status === undefined && state === 'reconnecting';
      const attempt = isCountedElsewhere ? await findAttempt(db, id) : null;
      return success(accountToHealthView(today, { status, attempt }));
    },
  });
}

function reconnectRoute(app: HttpApp, { db, channel }: HttpDeps): void {
  app.route({
    method: 'POST',
    url: `${API_BASE}/reconnect/:accountId`,
    config: { permission: 'whatsapp:connect' },
    schema: {
      operationId: 'reconnect',
      tags: ['connection'],
      summary: 'Start the session again',
      description: 'A linked account keeps its link; after a logout or a disconnect there is a new code.',
      params: accountParams,
      querystring: noQuery,
      body: noBody,
      response: { 200: dataOf(stepSchema, 'The session is starting.'), ...errorsOf(404, 413, 415) },
    },
    handler: async (request) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      try {
        await channel.start(account.id, { fresh: !account.linked });
      } catch (thrown) {
        throw toStartError(thrown);
      }
      return success({
        accountId: account.id as string,
        status: 'Connecting' as const,
        message: account.linked ? 'The session is starting again.' : howToLink(account.pairing, account.id),
      });
    },
  });
}

function disconnectRoute(app: HttpApp, { db, channel }: HttpDeps): void {
  app.route({
    method: 'POST',
    url: `${API_BASE}/disconnect/:accountId`,
    config: { permission: 'whatsapp:disconnect' },
    schema: {
      operationId: 'disconnect',
      tags: ['connection'],
      summary: 'Log out and forget the link',
      description: 'May be called again; messages stay.',
      params: accountParams,
      querystring: noQuery,
      body: noBody,
      response: { 200: dataOf(stepSchema, 'The account is disconnected.'), ...errorsOf(404, 413, 415) },
    },
    handler: async (request) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      await channel.disconnect(account.id);
      return success({
        accountId: account.id as string,
        status: stateToConnectionStatus('disconnected'),
        message: 'The account is disconnected and its profile deleted.',
      });
    },
  });
}

/** What the channel threw at a start: by its own code, or CONNECTION_FAILED. */
function toStartError(thrown: unknown): unknown {
  if (isAppError(thrown) || isDatabaseAway(thrown)) return thrown;
  return new AppError('CONNECTION_FAILED', { cause: thrown });
}
