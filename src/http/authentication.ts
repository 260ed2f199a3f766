import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TenantId } from '../accounts/ids.ts';
import { type Permission, type Role, roleMay } from '../accounts/permissions.ts';
import { findApiKey } from '../db/api-key-store.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import type { HttpDeps } from './context.ts';
import { areHashesEqual, findPresentedKey, isKeyText, keyToHash } from './credentials.ts';
import { type RateLimits, type TellQuotas, tellIn } from './rate-limit.ts';

/** Who asks. */
export interface Principal {
  readonly keyId: string;
  readonly tenantId: TenantId;
  readonly role: Role;
}

/** What a route demands of who asks; `open` is for everyone. */
export type RouteAccess = Permission | 'open';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route says it; the server does not start with one that does not. */
    permission?: RouteAccess;
    /** True where a browser is to ask for a password, which is the key. */
    basicAuth?: boolean;
    /** False where the answer must not depend on how much else the key or the address has asked for. */
    rateLimited?: boolean;
  }
  interface FastifyRequest {
    principal: Principal | null;
  }
}

export type AuthenticationDeps = Pick<HttpDeps, 'db'> & { readonly limits: RateLimits };

/** How a request is counted. */
export interface CountOptions {
  readonly rateLimited?: boolean;
  readonly tell?: TellQuotas;
}

/** Tells who holds a key, against the limits of requests and of failures. */
export interface Authenticator {
  /** @throws AppError UNAUTHENTICATED, also without a key; RATE_LIMIT_EXCEEDED */
  authenticate(key: string | undefined, address: string, options?: CountOptions): Promise<Principal>;
}

/** Makes the authenticator; one for the whole server. */
export function makeAuthenticator(deps: AuthenticationDeps): Authenticator {
  const { limits } = deps;
  return {
    async authenticate(key, address, { rateLimited = true, tell = () => undefined } = {}) {
      const caller = { address, identity: keyToIdentity(key) };
      // Side by side: counting is one more way, to Redis, which takes no longer than the one to the database.
      const [principal] = await Promise.all([
        key === undefined ? undefined : findPrincipal(deps, key),
        rateLimited ? limits.takeRequest(caller, tell) : undefined,
      ]);
      if (principal !== undefined) return principal;
      if (key !== undefined) await limits.takeFailure(address, tell);
      throw new AppError('UNAUTHENTICATED');
    },
  };
}

/** Names a key where calls are counted: the beginning of its hash, which does not tell the hash. */
function keyToIdentity(key: string | undefined): string | undefined {
  return key !== undefined && isKeyText(key) ? keyToHash(key).slice(0, 32) : undefined;
}

/**
 * Makes the hook that runs before everything else of a request: it lets pass whom the route's permission allows,
 * and sets `principal`.
 */
export function makeAuthentication(authenticator: Authenticator) {
  return async function authenticate(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { permission, basicAuth = false, rateLimited = true } = request.routeOptions.config;
    // An address without a route is nobody's: it answers 404 to everyone.
    if (request.is404 || permission === 'open') return;
    const key = findPresentedKey(request.headers, { allowBasic: basicAuth });
    let principal: Principal;
    try {
      principal = await authenticator.authenticate(key, request.ip, { rateLimited, tell: tellIn(reply) });
    } catch (thrown) {
      if (isAppError(thrown, 'UNAUTHENTICATED')) {
        reply.header('www-authenticate', basicAuth ? 'Basic realm="Switchboard", charset="UTF-8"' : 'Bearer');
      }
      throw thrown;
    }
    if (permission === undefined || !roleMay(principal.role, permission)) throw new AppError('FORBIDDEN');
    request.principal = principal;
  };
}

/** Who asks; only for routes that are not open. */
export function getPrincipal(request: FastifyRequest): Principal {
  if (request.principal === null) throw new AppError('UNAUTHENTICATED');
  return request.principal;
}

async function findPrincipal({ db }: AuthenticationDeps, key: string): Promise<Principal | undefined> {
  if (!isKeyText(key)) return undefined;
  const sha256 = keyToHash(key);
  const found = await findApiKey(db, sha256);
  if (found === undefined || found.revokedAt !== null || !areHashesEqual(found.sha256, sha256)) {
    return undefined;
  }
  return { keyId: found.id, tenantId: found.tenantId, role: found.role };
}
