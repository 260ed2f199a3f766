import type { ServerResponse } from 'node:http';
import { isIPv6 } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../lib/errors.ts';
import type { CallCount } from '../queue/rate-limit-calls.ts';
import { RateLimitCounter, type RateLimitCounterDeps } from './rate-limit-counter.ts';

const WINDOW_SECONDS = 60;

/** Failed authentications a minute and address. */
const MAX_FAILURES = 100;

/** An address may be the one of many keys: of a host application's machine, or of a proxy before Switchboard. */
const KEYS_PER_ADDRESS = 10;

/** Who makes a call; what is undefined is not counted. */
export interface Caller {
  /** The peer's IP address. */
  readonly address?: string;
  /** Names the key or the user, valid or not, without giving it away. */
  readonly identity?: string | undefined;
}

/** Takes the headers that tell how a caller stands. */
export type TellQuotas = (headers: Readonly<Record<string, string>>) => void;

/** The limits of requests, for every way in. All of them hold for a minute that slides. */
export interface RateLimits {
  /** Counts a request for its identity and its address. @throws AppError RATE_LIMIT_EXCEEDED */
  takeRequest(caller: Caller, tell: TellQuotas): Promise<void>;
  /** Counts a failed authentication. @throws AppError RATE_LIMIT_EXCEEDED */
  takeFailure(address: string, tell: TellQuotas): Promise<void>;
}

interface Policy {
  /** As the headers show it. */
  readonly name: string;
  readonly caller: string;
  readonly limit: number;
}

/** Makes the limits; one for the whole server. `requestsPerKey` 0 means that only failures are limited. */
export function makeRateLimits({
  requestsPerKey,
  ...deps
}: RateLimitCounterDeps & { readonly requestsPerKey: number }): RateLimits {
  const counter = new RateLimitCounter(deps);
  const take = async (policies: readonly Policy[], tell: TellQuotas) => {
    const count = await counter.count(policies, WINDOW_SECONDS);
    tell(countToHeaders(policies, count));
    if (!count.allowed) throw refuse(count);
  };
  return {
    async takeRequest({ address, identity }, tell) {
      if (requestsPerKey === 0) return;
      const policies: Policy[] = [];
      if (identity !== undefined) {
        policies.push({ name: 'key', caller: `key:${identity}`, limit: requestsPerKey });
      }
      if (address !== undefined) {
        const caller = `address:${addressToNetwork(address)}`;
        policies.push({ name: 'address', caller, limit: requestsPerKey * KEYS_PER_ADDRESS });
      }
      await take(policies, tell);
    },
    takeFailure: (address, tell) =>
      take(
        [
          {
            name: 'failed-authentication',
            caller: `failures:${addressToNetwork(address)}`,
            limit: MAX_FAILURES,
          },
        ],
        tell,
      ),
  };
}

/** Makes the hook that counts requests for which nobody is asked who they are: open routes, and addresses without a route. */
export function makeOpenRateLimit(limits: RateLimits) {
  return async function limitOpen(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { permission, rateLimited = true } = request.routeOptions.config;
    const isOpen = request.is404 || permission === 'open';
    if (isOpen && rateLimited) await limits.takeRequest({ address: request.ip }, tellIn(reply));
  };
}

/** Puts the headers into the answer. */
export function tellIn(reply: FastifyReply): TellQuotas {
  return (headers) => void reply.headers(headers);
}

/** The same where no reply of Fastify is at hand. */
export function tellOn(response: Pick<ServerResponse, 'setHeader'>): TellQuotas {
  return (headers) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  };
}

/** Whom an address stands for: one of IPv6 for its /64, all of which any one customer has. */
export function addressToNetwork(address: string): string {
  const [plain = ''] = address.split('%');
  const mapped = /^::ffff:(\d+(?:\.\d+){3})$/i.exec(plain)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(plain)) return plain;
  const [head = [], tail = []] = plain.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const zeros = Array<string>(Math.max(8 - head.length - tail.length, 0)).fill('0');
  return `${[...head, ...zeros, ...tail].slice(0, 4).join(':')}::/64`;
}

/** The fields of draft-ietf-httpapi-ratelimit-headers-10. */
function countToHeaders(
  policies: readonly Policy[],
  { standings }: CallCount,
): Readonly<Record<string, string>> {
  const limits = policies.map(({ name, limit }) => `"${name}";q=${limit};w=${WINDOW_SECONDS}`);
  const stands = standings.map(
    ({ remaining, waitSeconds }, index) => `"${policies[index]?.name}";r=${remaining};t=${waitSeconds}`,
  );
  return { 'ratelimit-policy': limits.join(', '), ratelimit: stands.join(', ') };
}

function refuse({ standings }: CallCount): AppError {
  const waits = standings.filter(({ remaining }) => remaining === 0).map(({ waitSeconds }) => waitSeconds);
  return new AppError('RATE_LIMIT_EXCEEDED', { details: { retryAfterSeconds: Math.max(...waits) } });
}
