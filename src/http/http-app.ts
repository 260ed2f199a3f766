import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { fastify } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { makeAuditWriter } from '../db/audit-store.ts';
import { AppError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { ACCEPTANCE_TERMS } from '../messages/acceptance-terms.ts';
import { limitAnswers } from './answer-deadline.ts';
import { keepAudit } from './audit.ts';
import { type Authenticator, makeAuthentication } from './authentication.ts';
import type { HttpDeps } from './context.ts';
import { makeCors } from './cors.ts';
import { answerError, answerRaw, errorToBody } from './error-answer.ts';
import { takeJsonBodies } from './json-body.ts';
import { keepMethods } from './known-methods.ts';
import { registerOpenApi } from './openapi.ts';
import { makeOpenRateLimit, type RateLimits, tellIn, tellOn } from './rate-limit.ts';
import { isRealtimeRequest } from './realtime.ts';
import { tellAnswers } from './request-metrics.ts';
import { requirePermissions } from './route-permissions.ts';
import { accountRoutes } from './routes/accounts.ts';
import { auditRoutes } from './routes/audit.ts';
import { boardRoutes } from './routes/board.ts';
import { bulkRoutes } from './routes/bulk.ts';
import { campaignRoutes } from './routes/campaigns.ts';
import { chatRoutes } from './routes/chats.ts';
import { connectionRoutes } from './routes/connection.ts';
import { contactRoutes } from './routes/contacts.ts';
import { grantRoutes } from './routes/grants.ts';
import { instanceRoutes } from './routes/instances.ts';
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
import { registerSecurityHeaders } from './security-headers.ts';
import type { HttpApp } from './typed-fastify.ts';
import { validatorCompiler } from './validation.ts';

/** Bytes of a JSON body, except where a route allows more. */
const BODY_LIMIT = 1024 * 1024;
/**
 * UTF-16 units of a parameter of the path, decoded: the longest that names anything is the `sub` of a user, of 255 characters.
 */
const MAX_PARAMETER = 510;
/** A client that is slower than this at sending its headers, or all of its request, is cut off. Milliseconds. */
const HEADERS_TIMEOUT_MS = 15_000;
/** How often slow clients are looked for, in milliseconds. */
const SLOWNESS_CHECK_MS = 2_000;
const REQUEST_TIMEOUT_MS = 300_000;
const KEEP_ALIVE_MS = 72_000;
/** An answer may take as long as accepting messages may, except where a route allows more. Milliseconds. */
const ANSWER_WITHIN_MS = ACCEPTANCE_TERMS.answerMs;

const REQUEST_ID = /^[\w.:-]{1,64}$/;

/** What every request passes before it gets to its route. */
export interface HttpGate {
  readonly authenticator: Authenticator;
  readonly limits: RateLimits;
}

/** Makes the application with all of its routes. It does not listen yet. */
export async function makeHttpApp(deps: HttpDeps, gate: HttpGate): Promise<HttpApp> {
  const { log } = deps;
  const { countOpen } = gate.authenticator;
  const app: HttpApp = fastify({
    bodyLimit: BODY_LIMIT,
    routerOptions: { maxParamLength: MAX_PARAMETER },
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: SLOWNESS_CHECK_MS,
      shouldUpgradeCallback: isRealtimeRequest,
    },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    genReqId: requestToId,
    // These are answered before any hook has run.
    frameworkErrors: (error, request, reply) =>
      void countOpen(request.ip, tellIn(reply)).then(
        () => answerError(error, request, reply, log),
        (thrown) => answerError(thrown, request, reply, log),
      ),
    clientErrorHandler: refuseBrokenRequest,
  }).withTypeProvider<ZodTypeProvider>();
  // An `Expect` that is not met is not handed on as a request by Node.js.
  app.server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const answer = (thrown: unknown) => answerRaw(thrown, response, requestToId(request));
    const unmet = new AppError('EXPECTATION_FAILED');
    const { remoteAddress = '' } = request.socket;
    void countOpen(remoteAddress, tellOn(response)).then(() => answer(unmet), answer);
  });
  app.setValidatorCompiler(validatorCompiler);
  // The schemas of answers document them, and tests hold the answers to them; a row that is odd must not fail a list.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setErrorHandler((thrown, request, reply) => answerError(thrown, request, reply, log));
  const knownMethods = keepMethods(app);
  app.setNotFoundHandler((request, reply) => {
    const methods = knownMethods(request.url);
    const isOther = methods.length > 0 && !methods.includes(request.method);
    if (isOther) reply.header('allow', methods.join(', '));
    return answerError(new AppError(isOther ? 'METHOD_NOT_ALLOWED' : 'NOT_FOUND'), request, reply, log);
  });
  takeJsonBodies(app);
  requirePermissions(app);
  limitAnswers(app, ANSWER_WITHIN_MS, log);
  app.decorateRequest('principal', null);
  app.addHook('onRequest', async (request, reply) => void reply.header('x-request-id', request.id));
  await registerSecurityHeaders(app);
  app.addHook('onRequest', makeCors(deps.config.allowedOrigins));
  app.addHook('onRequest', makeOpenRateLimit(gate.limits));
  app.addHook('onRequest', makeAuthentication(gate.authenticator));
  keepAudit(app, makeAuditWriter(deps.db), log);
  logAnswers(app, log);
  tellAnswers(app, deps.onAnswered);
  await registerOpenApi(app);
  for (const routes of [
    probeRoutes,
    metricsRoute,
    accountRoutes,
    connectionRoutes,
    sendRoutes,
    bulkRoutes,
    campaignRoutes,
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
    instanceRoutes,
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
  const [statusText, error] = explainBrokenRequest(thrown.code);
  const requestId = randomUUID();
  const body = JSON.stringify(errorToBody(error, requestId));
  socket.end(
    `HTTP/1.1 ${statusText}\r\nContent-Type: application/json; charset=utf-8\r\nX-Request-Id: ${requestId}\r\n` +
      `X-Content-Type-Options: nosniff\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function explainBrokenRequest(code: string | undefined): [statusText: string, AppError] {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['408 Request Timeout', new AppError('REQUEST_TIMEOUT')];
    case 'HPE_HEADER_OVERFLOW':
      return [
        '431 Request Header Fields Too Large',
        new AppError('TOO_LARGE', { message: 'The headers are too large.' }),
      ];
    default:
      return [
        '400 Bad Request',
        new AppError('VALIDATION_FAILED', { message: 'This is no valid HTTP request.' }),
      ];
  }
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
