import type { FastifyReply, FastifyRequest } from 'fastify';

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
const HEADERS = 'Authorization, X-API-Key, Content-Type, Idempotency-Key, X-Request-Id';
const EXPOSED =
  'X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, Content-Disposition, X-Vault-Generation';
/** Seconds for which a browser may remember a preflight. */
const MAX_AGE = 600;

/**
 * Makes the hook that answers browsers of the allowed origins, and their preflights. Keys come in headers, never in
 * cookies, so credentials are not allowed.
 */
export function makeCors(allowedOrigins: readonly string[]) {
  return async function cors(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const { origin } = request.headers;
    if (allowedOrigins.length === 0) return undefined;
    reply.header('vary', 'Origin');
    if (origin === undefined || !allowedOrigins.includes(origin)) {
      return undefined;
    }
    reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', EXPOSED);
    if (request.method !== 'OPTIONS' || !request.headers['access-control-request-method']) return undefined;
    return reply
      .code(204)
      .headers({
        'access-control-allow-methods': METHODS,
        'access-control-allow-headers': HEADERS,
        'access-control-max-age': String(MAX_AGE),
      })
      .send();
  };
}
