import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { fastify } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { makeAuditWriter } from '../db/audit-store.ts';
import { AppError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { keepAudit } from './audit.ts';
import { type Authenticator, makeAuthentication } from './authentication.ts';
import type { HttpDeps } from './context.ts';
import { makeCors } from './cors.ts';
import { answerError, errorToBody } from './error-answer.ts';
import { registerOpenApi } from './openapi.ts';
import { isRealtimeRequest } from './realtime.ts';
import { tellAnswers } from './request-metrics.ts';
import { requirePermissions } from './route-permissions.ts';
import { accountRoutes } from './routes/accounts.ts';
import { auditRoutes } from './routes/audit.ts';
import { boardRoutes } from './routes/board.ts';
import { chatRoutes } from './routes/chats.ts';
import { connectionRoutes } from './routes/connection.ts';
import { contactRoutes } from './routes/contacts.ts';
import { grantRoutes } from './routes/grants.ts';
import { keyRoutes } from './routes/keys.ts';
import { mediaRoutes } from './routes/media.ts';
import { messageActionRoutes } from './routes/message-actions.ts';
import { messageRoutes } from './routes/messages.ts';
import { metricsRoute } from './routes/metrics.ts';
import { probeRoutes } from './routes/probes.ts';
import { reactionRoutes } from './routes/reactions.ts';
import { sendRoutes } from './routes/sending.ts';
import { settingRoutes } from './routes/settings.ts';
import { usageRoutes } from './routes/usage.ts';
import { vaultRoutes } from './routes/vault.ts';
import { webhookDeliveryRoutes } from './routes/webhook-deliveries.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import type { HttpApp } from './typed-fastify.ts';
import { validatorCompiler } from './validation.ts';

/** Bytes of a JSON body, except where a route allows more. */
const BODY_LIMIT = 1024 * 1024;
/** Characters of a parameter of the path, decoded: the longest that names anything is the `sub` of a user. */
const MAX_PARAMETER = 255;
/** A client that is slower than this at sending its headers, or all of its request, is cut off. Milliseconds. */
const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 300_000;
const KEEP_ALIVE_MS = 72_000;
/** An answer that takes longer, because the database hangs for instance, is given up. Milliseconds. */
const HANDLER_TIMEOUT_MS = 120_000;

const REQUEST_ID = /^[\w.:-]{1,64}$/;

/** Makes the application with all of its routes. It does not listen yet. */
export async function makeHttpApp(deps: HttpDeps, authenticator: Authenticator): Promise<HttpApp> {
  const { log } = deps;
  const app: HttpApp = fastify({
    bodyLimit: BODY_LIMIT,
    routerOptions: { maxParamLength: MAX_PARAMETER },
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    handlerTimeout: HANDLER_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, shouldUpgradeCallback: isRealtimeRequest },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    genReqId: requestToId,
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply, log),
    clientErrorHandler: refuseBrokenRequest,
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  // The schemas of answers document them, and tests hold the answers to them; a row that is odd must not fail a list.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setErrorHandler((thrown, request, reply) => answerError(thrown, request, reply, log));
  app.setNotFoundHandler((request, reply) => answerError(new AppError('NOT_FOUND'), request, reply, log));
  takeEmptyBodies(app);
  requirePermissions(app);
  app.decorateRequest('principal', null);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'x-request-id': request.id, 'x-content-type-options': 'nosniff' });
  });
  app.addHook('onRequest', makeCors(deps.config.allowedOrigins));
  app.addHook('onRequest', makeAuthentication(authenticator));
  keepAudit(app, makeAuditWriter(deps.db));
  logAnswers(app, log);
  tellAnswers(app, deps.onAnswered);
  await registerOpenApi(app);
  for (const routes of [
    probeRoutes,
    metricsRoute,
    accountRoutes,
    connectionRoutes,
    sendRoutes,
    messageRoutes,
    reactionRoutes,
    chatRoutes,
    contactRoutes,
    messageActionRoutes,
    mediaRoutes,
    usageRoutes,
    settingRoutes,
    keyRoutes,
    grantRoutes,
    auditRoutes,
    webhookRoutes,
    webhookDeliveryRoutes,
    vaultRoutes,
    boardRoutes,
  ]) {
    await app.register(async (scope) => routes(scope.withTypeProvider<ZodTypeProvider>(), deps));
  }
  await app.ready();
  return app;
}

/** The client's X-Request-Id if it gives a plain one, else a new id. */
function requestToId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/** Answers what is no HTTP, or too slow to become a request, in the same envelope. */
function refuseBrokenRequest(thrown: Error & { code?: string }, socket: Socket): void {
  if (thrown.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const slow = thrown.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const large = thrown.code === 'HPE_HEADER_OVERFLOW';
  const status = slow
    ? '408 Request Timeout'
    : large
      ? '431 Request Header Fields Too Large'
      : '400 Bad Request';
  const message = slow
    ? 'The request took too long to come.'
    : large
      ? 'The headers are too large.'
      : 'This is no valid HTTP request.';
  const error = new AppError(large ? 'TOO_LARGE' : 'VALIDATION_FAILED', { message });
  const body = JSON.stringify(errorToBody(error, randomUUID()));
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Lets clients that always name a Content-Type ask without a body; and only JSON is understood. */
function takeEmptyBodies(app: HttpApp): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else parseJson(request, String(body), done);
  });
}

function logAnswers(app: HttpApp, log: Logger): void {
  app.addHook('onResponse', async (request, reply) => {
    log.debug('A request was answered', {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url,
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime),
    });
  });
}
