/**
 * Sends one delivery. It connects to the public Internet alone, at exactly the address that was judged, unless private networks
 * are allowed; follows no redirect; and reads no more of the answer than may be shown.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { DeliveryOutcome } from '../db/webhook-lanes.ts';
import { AppError, isAppError, toError } from '../lib/errors.ts';
import { type AddressGuard, makeGuardedLookup, mayBeHost, PUBLIC_INTERNET } from '../lib/guarded-lookup.ts';

/** From the look-up of the name to the end of the answer, in milliseconds. */
const DEADLINE_MS = 15_000;
/** Bytes of an answer that are read, and characters that are kept of it. */
const READ_BYTES = 4_096;
const KEPT_CHARACTERS = 500;

export interface EndpointRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface EndpointOptions {
  /** Private networks, and http, are allowed. */
  readonly allowPrivate: boolean;
  readonly deadlineMs?: number;
  readonly resolve?: AddressGuard['resolve'];
}

/** Sends the request; whatever happens is an outcome, and only the signal makes it reject. */
export type AskEndpoint = (request: EndpointRequest, signal: AbortSignal) => Promise<DeliveryOutcome>;

/** What is wrong with the address of an endpoint, as a sentence; undefined if it may be used. Names are not looked up. */
export function findUrlProblem(text: string, { allowPrivate }: Pick<EndpointOptions, 'allowPrivate'>) {
  const url = URL.parse(text);
  if (url === null) return 'Give an absolute address that begins with https://.';
  const isHttp = url.protocol === 'http:';
  if (url.protocol !== 'https:' && !isHttp) return 'Give an absolute address that begins with https://.';
  if (isHttp && !allowPrivate) return `Use https://. ${HOW_TO_ALLOW}`;
  if (url.username !== '' || url.password !== '')
    return 'Remove the user name and password: requests are signed instead.';
  if (url.hash !== '') return 'Remove the part after the #: it is never sent.';
  if (!allowPrivate && !mayBeHost(url.hostname, PUBLIC_INTERNET)) return PRIVATE;
  return undefined;
}

const HOW_TO_ALLOW = 'Whoever runs Switchboard can allow others by WEBHOOK_ALLOW_PRIVATE=on.';
const PRIVATE = `The address is not on the public Internet. ${HOW_TO_ALLOW}`;

export function makeAskEndpoint(options: EndpointOptions): AskEndpoint {
  const { allowPrivate, resolve = PUBLIC_INTERNET.resolve, deadlineMs = DEADLINE_MS } = options;
  const guard = allowPrivate ? { resolve, isAllowed: () => true } : { ...PUBLIC_INTERNET, resolve };
  return async (request, signal) => {
    const problem = findUrlProblem(request.url, options);
    if (problem !== undefined) return failed(problem);
    const deadline = AbortSignal.timeout(deadlineMs);
    const either = AbortSignal.any([signal, deadline]);
    try {
      const response = await post(request, guard, either);
      return await toOutcome(response);
    } catch (thrown) {
      signal.throwIfAborted();
      if (deadline.aborted) return failed(`There was no answer within ${deadlineMs / 1_000} s.`);
      return failed(toSentence(thrown));
    }
  };
}

function post(
  { url, headers, body }: EndpointRequest,
  guard: AddressGuard,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  const request = send(url, {
    method: 'POST',
    // An agent of its own: no connection is shared, and no proxy of the environment sees what we do not judge.
    agent: false,
    lookup: makeGuardedLookup(guard, () => new AppError('VALIDATION_FAILED', { message: PRIVATE })),
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'Switchboard',
      accept: '*/*',
      'accept-encoding': 'identity',
      ...headers,
    },
    signal,
  });
  request.on('response', resolve);
  request.on('error', reject);
  request.end(body);
  return promise;
}

/** Any 2xx is a yes, whatever comes after its headers. */
async function toOutcome(response: IncomingMessage): Promise<DeliveryOutcome> {
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) {
    response.destroy();
    return { isTaken: true, status, error: null };
  }
  const text = await readStart(response);
  const words = text === '' ? '' : ` ${text}`;
  return { isTaken: false, status, error: `The endpoint answered ${status}.${words}` };
}

async function readStart(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= READ_BYTES) break;
    }
  } catch {
    // The answer is known by its status; what is missing of its words is no loss.
  } finally {
    response.destroy();
  }
  const text = Buffer.concat(chunks).toString('utf8');
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, KEPT_CHARACTERS)
    .toWellFormed();
}

function failed(error: string): DeliveryOutcome {
  return { isTaken: false, status: null, error };
}

function toSentence(thrown: unknown): string {
  if (isAppError(thrown)) return thrown.message;
  const { code, message } = toError(thrown) as NodeJS.ErrnoException;
  return `The endpoint could not be reached (${code ?? message}).`.slice(0, KEPT_CHARACTERS);
}
