import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isDatabaseAway } from '../db/outage.ts';
import { AppError, type ErrorCode, isAppError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { refuseField } from './validation.ts';

/** The body of every answer that is no success. */
export interface ErrorBody {
  readonly success: false;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly details?: unknown;
    readonly requestId: string;
  };
}

/** Faults inside that a client is told by name; every other one is INTERNAL or UNAVAILABLE. */
const TOLD_FAULTS: ReadonlySet<ErrorCode> = new Set([
  'INTERNAL',
  'CONNECTION_FAILED',
  'POOL_FULL',
  'UNAVAILABLE',
  'DISK_FULL',
  'VAULT_DAMAGED',
  'VAULT_KEY_MISSING',
  'VAULT_TOO_LARGE',
]);

/** Answers a request with what was thrown for it, in the envelope; a fault inside is logged. */
export async function answerError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Logger,
): Promise<void> {
  const error = toClientError(thrown);
  // An address that cannot be read is answered before any hook has run.
  reply.headers({ 'x-request-id': request.id, 'x-content-type-options': 'nosniff' });
  if (error.status >= 500) {
    const fields = {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url,
      code: error.code,
      error: error.cause ?? thrown,
    };
    // 503 passes by itself, or the operator is told elsewhere what is away.
    if (error.status === 503) log.warn('A request could not be answered now', fields);
    else log.error('A request failed', fields);
  }
  const retryAfter = findRetryAfter(error);
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter));
  // A handler may have prepared the headers of a file before it failed.
  for (const name of ['content-length', 'content-disposition']) reply.removeHeader(name);
  await reply.code(error.status).type('application/json; charset=utf-8').send(errorToBody(error, request.id));
}

/** Answers with an error what never becomes a request of Fastify, in the same envelope. What was set before is sent with it. */
export function answerRaw(thrown: unknown, response: ServerResponse, requestId: string): void {
  const error = toClientError(thrown);
  const retryAfter = findRetryAfter(error);
  response
    .writeHead(error.status, {
      'content-type': 'application/json; charset=utf-8',
      'x-request-id': requestId,
      'x-content-type-options': 'nosniff',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    })
    .end(JSON.stringify(errorToBody(error, requestId)));
}

/** What was thrown anywhere while a request was answered, as the error that the client is told. */
export function toClientError(thrown: unknown): AppError {
  if (isAppError(thrown)) {
    if (thrown.status < 500 || TOLD_FAULTS.has(thrown.code)) return thrown;
    return new AppError(thrown.status === 503 ? 'UNAVAILABLE' : 'INTERNAL', { cause: thrown });
  }
  const framework = frameworkError(thrown);
  if (framework !== undefined) return framework;
  return new AppError(isDatabaseAway(thrown) ? 'UNAVAILABLE' : 'INTERNAL', { cause: thrown });
}

/** The envelope of an error. Details of faults stay inside. */
export function errorToBody(error: AppError, requestId: string): ErrorBody {
  const shown = error.status < 500 && error.details !== undefined ? { details: error.details } : {};
  return { success: false, error: { code: error.code, message: error.message, ...shown, requestId } };
}

/** Seconds that the client is to wait, if the error says so. */
export function findRetryAfter(error: AppError): number | undefined {
  const { details } = error;
  if (typeof details !== 'object' || details === null || !('retryAfterSeconds' in details)) return undefined;
  return typeof details.retryAfterSeconds === 'number' ? details.retryAfterSeconds : undefined;
}

/** Errors of Fastify and its plugins have a code `FST_…` and a status. */
function frameworkError(thrown: unknown): AppError | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown };
  if (typeof statusCode !== 'number' || statusCode >= 500) return undefined;
  if (code === 'FST_FIELDS_LIMIT' || code === 'FST_FILES_LIMIT') {
    return refuseField('body', 'Send one file alone, as a part named `file`.');
  }
  switch (statusCode) {
    case 404:
    case 414:
      // 414: a parameter of the path is longer than any id.
      return new AppError('NOT_FOUND', { cause: thrown });
    case 413:
      return new AppError('TOO_LARGE', { message: 'The request is too large.', cause: thrown });
    case 415:
      return new AppError('UNSUPPORTED_MEDIA', {
        message: 'This Content-Type is not understood here. Send application/json.',
        cause: thrown,
      });
    default:
      return new AppError('VALIDATION_FAILED', {
        details: [{ field: fieldOf(code), message: explain(code) }],
        cause: thrown,
      });
  }
}

/** What reads bodies names its errors so. */
const OF_BODY = /^FST_(?:ERR_CTP|INVALID_MULTIPART|REQ_FILE|PARTS|FILES|FIELDS|PROTO)/;

function fieldOf(code: unknown): string {
  return OF_BODY.test(String(code)) ? 'body' : 'url';
}

function explain(code: unknown): string {
  if (!OF_BODY.test(String(code))) {
    return code === 'FST_ERR_BAD_URL' ? 'The address is not well formed.' : 'The request is not valid.';
  }
  switch (code) {
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return 'The body is not as long as Content-Length says.';
    case 'FST_INVALID_MULTIPART_CONTENT_TYPE':
      return 'Send the file as multipart/form-data.';
    default:
      return 'The body is not valid JSON.';
  }
}
