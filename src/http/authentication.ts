import type { FastifyReply, FastifyRequest } from 'fastify';
import { DEFAULT_TENANT } from '../accounts/ids.ts';
import type { Permission } from '../accounts/permissions.ts';
import type { Principal } from '../accounts/principal.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import type { HttpDeps } from './context.ts';
import { findPresentedKey, isKeyText, keyToHash } from './credentials.ts';
import { makeForbidden } from './forbidden.ts';
import { findKeyHolder, isKeyOfTenant, renewKeyHolder } from './key-identity.ts';
import { type Caller, type RateLimits, type TellQuotas, tellIn } from './rate-limit.ts';
import { makeTokenVerifier, refuseToken } from './token-identity.ts';

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
    /** False where the answer must not depend on how much else the key or the address has asked for. */
    rateLimited?: boolean;
  }
  interface FastifyRequest {
    principal: Principal | null;
  }
}

export type AuthenticationDeps = Pick<HttpDeps, 'db' | 'clock' | 'config'> & { readonly limits: RateLimits };

/** How a request is counted. */
export interface CountOptions {
  readonly rateLimited?: boolean;
  readonly tell?: TellQuotas;
}

/** Tells who brings a key or a token, against the limits of requests and of failures. */
export interface Authenticator {
  /** @throws AppError UNAUTHENTICATED, also without a key; RATE_LIMIT_EXCEEDED */
  authenticate(key: string | undefined, address: string, options?: CountOptions): Promise<Principal>;
  /** Counts what is asked for where nobody says whose it is, by its address. @throws AppError RATE_LIMIT_EXCEEDED */
  countOpen(address: string, tell: TellQuotas): Promise<void>;
  /** The same principal as it is now; undefined once its key was revoked, or the time of key or token is over. */
  renew(principal: Principal): Promise<Principal | undefined>;
}

/** Makes the authenticator; one for the whole server. */
export function makeAuthenticator(deps: AuthenticationDeps): Authenticator {
  const { limits } = deps;
  const tokens = makeTokenVerifier(deps.config.jwt, deps.clock);
  const identify = async (key: string | undefined, address: string, count: Count) => {
    if (key !== undefined && tokens.isToken(key)) {
      // Before it is looked at: anybody can make one up, and to check it costs more than to count it.
      await count({ address });
      const user = await tokens.verify(key);
      if (await isKeyOfTenant(deps, user)) throw refuseToken('Its claim `sub` is the id of an API key.');
      await count({ identity: textToIdentity(`${user.tenantId} ${user.id}`) });
      return user;
    }
    // Side by side: counting is one more way, to Redis, which takes no longer than the one to the database.
    const [holder] = await Promise.all([
      key === undefined ? undefined : findKeyHolder(deps, key),
      count({ address, identity: keyToIdentity(key) }),
    ]);
    if (holder === undefined) throw new AppError('UNAUTHENTICATED');
    return holder;
  };
  return {
    async authenticate(key, address, { rateLimited = true, tell = () => undefined } = {}) {
      const tellAll = addUp(tell);
      const count: Count = async (caller) => {
        if (rateLimited) await limits.takeRequest(caller, tellAll);
      };
      try {
        return await identify(key, address, count);
      } catch (thrown) {
        if (key !== undefined && isAppError(thrown, 'UNAUTHENTICATED'))
          await limits.takeFailure(address, tell);
        throw thrown;
      }
    },
    countOpen: (address, tell) => limits.takeRequest({ address }, tell),
    async renew(principal) {
      if (principal.kind === 'key') return renewKeyHolder(deps, principal.id);
      const { expiresAt } = principal;
      return expiresAt === null || expiresAt > deps.clock.now() ? principal : undefined;
    },
  };
}

type Count = (caller: Caller) => Promise<void>;

/** Tells what was told before, too, behind what comes later. */
function addUp(tell: TellQuotas): TellQuotas {
  let told: Readonly<Record<string, string>> = {};
  return (headers) => {
    const pairs = Object.entries(headers).map(([name, value]) => {
      const before = told[name];
      return [name, before === undefined ? value : `${value}, ${before}`];
    });
    told = Object.fromEntries(pairs);
    tell(told);
  };
}

/** Names a key where calls are counted. */
function keyToIdentity(key: string | undefined): string | undefined {
  return key !== undefined && isKeyText(key) ? textToIdentity(key) : undefined;
}

/** The beginning of the text's hash: it tells neither the text nor what is stored of a key. */
function textToIdentity(text: string): string {
  return keyToHash(text).slice(0, 32);
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
      principal = await authenticator.authenticate(key, request.ip, { rateLimited, tell: tellIn(reply) });
    } catch (thrown) {
      if (isAppError(thrown, 'UNAUTHENTICATED')) {
        reply.header('www-authenticate', basicAuth ? 'Basic realm="Switchboard", charset="UTF-8"' : 'Bearer');
      }
      throw thrown;
    }
    if (permission === undefined) throw new AppError('FORBIDDEN');
    if (!principal.permissions.has(permission)) throw makeForbidden(permission);
    if (operatorOnly && principal.tenantId !== DEFAULT_TENANT) {
      throw new AppError('FORBIDDEN', {
        message: `This shows all tenants: only keys of the tenant ${DEFAULT_TENANT} are let in.`,
      });
    }
    request.principal = principal;
  };
}

/** Who asks; only for routes that are not open. */
export function getPrincipal(request: FastifyRequest): Principal {
  if (request.principal === null) throw new AppError('UNAUTHENTICATED');
  return request.principal;
}
