import type { FastifyReply, FastifyRequest } from 'fastify';
import { DEFAULT_TENANT } from '../accounts/ids.ts';
import type { Permission } from '../accounts/permissions.ts';
import type { Principal } from '../accounts/principal.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import type { HttpDeps } from './context.ts';
import { findPresentedKey } from './credentials.ts';
import { findKeyHolder, renewKeyHolder } from './key-identity.ts';
import { RequestWindow } from './request-window.ts';
import { makeTokenVerifier } from './token-identity.ts';

const MINUTE_MS = 60_000;

/** Failed authentications a minute and address. */
const MAX_FAILURES = 100;

/** What a route demands of who asks; `open` is for everyone. */
export type RouteAccess = Permission | 'open';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route says it; the server does not start with one that does not. */
    permission?: RouteAccess;
    /** True where more is shown than one tenant: only the tenant `default`, the operator's own, is let in. */
    operatorOnly?: boolean;
    /** True where a browser is to ask for a password, which is the key. */
    basicAuth?: boolean;
    /** False where the answer must not depend on how much else the key has asked for. */
    rateLimited?: boolean;
  }
  interface FastifyRequest {
    principal: Principal | null;
  }
}

export type AuthenticationDeps = Pick<HttpDeps, 'db' | 'clock' | 'config'>;

/** Tells who brings a key or a token, against the limits of failures an address and of requests a key. */
export interface Authenticator {
  /** @throws AppError UNAUTHENTICATED, also without a key; RATE_LIMIT_EXCEEDED */
  authenticate(
    key: string | undefined,
    address: string,
    options?: { readonly rateLimited?: boolean },
  ): Promise<Principal>;
  /** The same principal as it is now; undefined once its key was revoked, or the time of key or token is over. */
  renew(principal: Principal): Promise<Principal | undefined>;
}

/** Makes the authenticator; one for the whole server, so that its limits hold for every way in. */
export function makeAuthenticator(deps: AuthenticationDeps): Authenticator {
  const failures = new RequestWindow({ limit: MAX_FAILURES, windowMs: MINUTE_MS, clock: deps.clock });
  const requests = new RequestWindow({
    limit: deps.config.apiRateLimit,
    windowMs: MINUTE_MS,
    clock: deps.clock,
  });
  const tokens = makeTokenVerifier(deps.config.jwt, deps.clock);
  const identify = async (key: string): Promise<Principal> => {
    if (tokens.isToken(key)) return tokens.verify(key);
    const holder = await findKeyHolder(deps, key);
    if (holder === undefined) throw new AppError('UNAUTHENTICATED');
    return holder;
  };
  return {
    async authenticate(key, address, { rateLimited = true } = {}) {
      if (key === undefined) throw new AppError('UNAUTHENTICATED');
      let principal: Principal;
      try {
        principal = await identify(key);
      } catch (thrown) {
        if (isAppError(thrown, 'UNAUTHENTICATED')) refuseWhenOver(failures.count(address));
        throw thrown;
      }
      if (rateLimited) refuseWhenOver(requests.count(principalToCaller(principal)));
      return principal;
    },
    async renew(principal) {
      if (principal.kind === 'key') return renewKeyHolder(deps, principal.id);
      return (principal.expiresAt ?? 0) > deps.clock.now() ? principal : undefined;
    },
  };
}

/** Whose requests are counted together. */
function principalToCaller({ kind, id, tenantId }: Principal): string {
  return kind === 'key' ? id : `${tenantId} ${id}`;
}

/**
 * Makes the hook that runs before everything else of a request: it lets pass whom the route's permission allows,
 * and sets `principal`.
 */
export function makeAuthentication(authenticator: Authenticator) {
  return async function authenticate(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { permission, operatorOnly, basicAuth = false, rateLimited = true } = request.routeOptions.config;
    // An address without a route is nobody's: it answers 404 to everyone.
    if (request.is404 || permission === 'open') return;
    const key = findPresentedKey(request.headers, { allowBasic: basicAuth });
    let principal: Principal;
    try {
      principal = await authenticator.authenticate(key, request.ip, { rateLimited });
    } catch (thrown) {
      if (isAppError(thrown, 'UNAUTHENTICATED')) {
        reply.header('www-authenticate', basicAuth ? 'Basic realm="Switchboard", charset="UTF-8"' : 'Bearer');
      }
      throw thrown;
    }
    if (permission === undefined || !principal.permissions.has(permission)) throw new AppError('FORBIDDEN');
    if (operatorOnly && principal.tenantId !== DEFAULT_TENANT) throw new AppError('FORBIDDEN');
    request.principal = principal;
  };
}

/** Who asks; only for routes that are not open. */
export function getPrincipal(request: FastifyRequest): Principal {
  if (request.principal === null) throw new AppError('UNAUTHENTICATED');
  return request.principal;
}

function refuseWhenOver(waitMs: number): void {
  if (waitMs <= 0) return;
  throw new AppError('RATE_LIMIT_EXCEEDED', { details: { retryAfterSeconds: Math.ceil(waitMs / 1_000) } });
}
