/**
 * Who a user of the host application is, by the JWT that it signs. A token is checked against one kind of key alone, which
 * its algorithm names: HS256 against JWT_SECRET, the asymmetric ones against the key set at JWT_JWKS_URL. So a public key
 * can never serve as a secret.
 */
import {
  createRemoteJWKSet,
  customFetch,
  decodeProtectedHeader,
  errors,
  type FetchImplementation,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { z } from 'zod';
import { isTenantName, parseTenantId } from '../accounts/ids.ts';
import { permissionsOf } from '../accounts/permissions.ts';
import type { Principal } from '../accounts/principal.ts';
import type { Config } from '../config/config.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, toError } from '../lib/errors.ts';
import { roleSchema } from './key-view.ts';
import { userIdSchema } from './text-schema.ts';

const SECRET_ALGORITHM = 'HS256';
const KEY_SET_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];

/** By so much the clocks of the host application and ours may differ, in seconds. */
const TOLERANCE_S = 30;
/** A key set that does not come within this is away, in milliseconds. */
const KEY_SET_DEADLINE_MS = 5_000;
/** For so long a key set is used; after that, and for a key that it lacks, it is fetched again. Milliseconds. */
const KEY_SET_AGE_MS = 600_000;
/** It is not fetched more often than this for keys that it lacks, in milliseconds: anybody can name such keys. */
const KEY_SET_COOLDOWN_MS = 30_000;

/** Nor than this while it cannot be had, in milliseconds: anybody can name such a key then, whatever it is called. */
const KEY_SET_REST_MS = 5_000;

/** Longer texts are no tokens; a header holds hardly more. */
const MAX_TOKEN = 8_192;

export interface TokenVerifier {
  /** True for what is to be taken for a token: three parts, of which the first is a header. */
  isToken(text: string): boolean;
  /** @throws AppError UNAUTHENTICATED; UNAVAILABLE while the key set cannot be had */
  verify(token: string): Promise<Principal>;
}

/** Makes the verifier; it takes no token of a kind for which nothing is configured. */
export function makeTokenVerifier({ secret, jwksUrl }: Config['http']['jwt'], clock: Clock): TokenVerifier {
  const bytes = secret === null ? null : new TextEncoder().encode(secret);
  const keySet = jwksUrl === null ? null : openKeySet(new URL(jwksUrl), clock);
  const options = () => ({
    clockTolerance: TOLERANCE_S,
    currentDate: new Date(clock.now()),
    requiredClaims: ['sub', 'tenant', 'role'],
  });
  const read = async (token: string) => {
    const { alg = '' } = decodeProtectedHeader(token);
    if (bytes !== null && alg === SECRET_ALGORITHM) {
      return jwtVerify(token, bytes, { ...options(), algorithms: [SECRET_ALGORITHM] });
    }
    if (keySet !== null && KEY_SET_ALGORITHMS.includes(alg)) {
      return jwtVerify(token, keySet, { ...options(), algorithms: KEY_SET_ALGORITHMS });
    }
    throw refuseToken('Its algorithm is not accepted here.');
  };
  return {
    isToken: (text) => (bytes !== null || keySet !== null) && isToken(text),
    async verify(token) {
      try {
        return claimsToPrincipal((await read(token)).payload);
      } catch (thrown) {
        throw thrown instanceof AppError ? thrown : explain(thrown);
      }
    },
  };
}

function isToken(text: string): boolean {
  if (text.length > MAX_TOKEN || text.split('.').length !== 3) return false;
  try {
    return typeof decodeProtectedHeader(text).alg === 'string';
  } catch {
    // A key may hold two dots as well.
    return false;
  }
}

/** The key set, which tells apart that it lacks a key from that it cannot be had. */
function openKeySet(url: URL, clock: Clock): JWTVerifyGetKey {
  const remote = createRemoteJWKSet(url, {
    timeoutDuration: KEY_SET_DEADLINE_MS,
    cacheMaxAge: KEY_SET_AGE_MS,
    cooldownDuration: KEY_SET_COOLDOWN_MS,
    [customFetch]: makeRestingFetch(clock),
  });
  return async (header, token) => {
    try {
      return await remote(header, token);
    } catch (thrown) {
      if (thrown instanceof errors.JWKSNoMatchingKey) throw thrown;
      if (thrown instanceof errors.JWKSMultipleMatchingKeys) throw thrown;
      throw new AppError('UNAVAILABLE', {
        message: 'The keys that tokens are checked with cannot be had right now. Try again.',
        cause: thrown,
      });
    }
  };
}

/** Fetches, and fails at once for a while after it has failed. */
function makeRestingFetch(clock: Clock): FetchImplementation {
  let restUntil = Number.NEGATIVE_INFINITY;
  const rest = () => {
    restUntil = clock.monotonic() + KEY_SET_REST_MS;
  };
  return async (url, options) => {
    if (clock.monotonic() < restUntil) throw new Error('The key set could not be had a moment ago.');
    try {
      const response = await fetch(url, options);
      if (response.status !== 200) rest();
      return response;
    } catch (thrown) {
      rest();
      throw thrown;
    }
  };
}

const claimsSchema = z.object({
  sub: userIdSchema,
  tenant: z.string().refine(isTenantName).transform(parseTenantId),
  role: roleSchema,
  /** Whoever makes tokens without it has to change the secret to end them. */
  exp: z.number().optional(),
  name: z.string().min(1).max(255).optional().catch(undefined),
});

function claimsToPrincipal(payload: unknown): Principal {
  const { sub, tenant, role, exp, name = sub } = parseClaims(payload);
  return {
    kind: 'user',
    id: sub,
    name,
    tenantId: tenant,
    role,
    permissions: permissionsOf(role, null),
    expiresAt: exp === undefined ? null : (exp + TOLERANCE_S) * 1_000,
  };
}

function parseClaims(payload: unknown): z.output<typeof claimsSchema> {
  const parsed = claimsSchema.safeParse(payload);
  if (parsed.success) return parsed.data;
  throw refuseToken(`Its claim \`${parsed.error.issues[0]?.path.join('.')}\` is not valid.`);
}

/** Whoever makes the tokens is told what is wrong with one; of its signature only that it is not valid. */
function explain(thrown: unknown): AppError {
  if (thrown instanceof errors.JWTExpired) return refuseToken('It has expired.', thrown);
  if (thrown instanceof errors.JWTClaimValidationFailed) {
    return refuseToken(`Its claim \`${thrown.claim}\` is missing or not valid.`, thrown);
  }
  return refuseToken('Its signature is not valid.', thrown);
}

/** What the host application is told that made the token. */
export function refuseToken(why: string, cause?: unknown): AppError {
  const message = `The token is not accepted. ${why}`;
  return new AppError('UNAUTHENTICATED', {
    message,
    ...(cause === undefined ? {} : { cause: toError(cause) }),
  });
}
