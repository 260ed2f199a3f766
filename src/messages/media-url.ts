/**
 * Fetches a file that an application names by its address, without becoming its way into our network: every
 * address that is connected to is judged at connect time, for each redirect again. The name is resolved once a
 * connection and exactly what was judged is dialled, so a name that changes its mind (DNS rebinding) gains nothing.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { AppError, isAppError, toError } from '../lib/errors.ts';
import { type AddressGuard, makeGuardedLookup, mayBeHost, PUBLIC_INTERNET } from '../lib/guarded-lookup.ts';
import { ACCEPTANCE_TERMS } from './acceptance-terms.ts';
import { responseToFileName } from './media-file-name.ts';
import { makeTooLarge } from './media-kind.ts';

const FIELD = 'media.url';
const MAX_REDIRECTS = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface UrlMedia {
  /** Reads the answer; ending early closes the connection. Must be iterated. */
  readonly body: AsyncIterable<Uint8Array>;
  readonly declaredMimeType: string | null;
  readonly fileName: string | null;
}

export interface FetchUrlOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/**
 * Fetches the file; the promise settles when its headers are there.
 * @throws AppError VALIDATION_FAILED (the address is not acceptable), MEDIA_UNAVAILABLE, TOO_LARGE
 */
export type FetchUrl = (url: string, options: FetchUrlOptions) => Promise<UrlMedia>;

export interface UrlTransport extends AddressGuard {
  /** Milliseconds for the whole file. */
  readonly deadlineMs: number;
  /** Milliseconds without a byte. */
  readonly idleMs: number;
}

const TRANSPORT: UrlTransport = {
  ...PUBLIC_INTERNET,
  deadlineMs: ACCEPTANCE_TERMS.fetchMs,
  idleMs: 15_000,
};

/** Makes the function that fetches from the public Internet; parts of the transport can be replaced. */
export function makeFetchUrl(replaced: Partial<UrlTransport> = {}): FetchUrl {
  const transport = { ...TRANSPORT, ...replaced };
  return async (text, { maxBytes, signal }) => {
    const deadline = AbortSignal.timeout(transport.deadlineMs);
    const stop = { caller: signal, deadline, either: AbortSignal.any([signal, deadline]) };
    try {
      const { response, url } = await follow(parseMediaUrl(text), transport, stop.either);
      return responseToMedia(response, url, maxBytes, stop);
    } catch (thrown) {
      throw toMediaError(thrown, stop);
    }
  };
}

interface Stop {
  readonly caller: AbortSignal;
  readonly deadline: AbortSignal;
  readonly either: AbortSignal;
}

/** An address that may be asked for: http or https, no credentials. @throws AppError VALIDATION_FAILED */
function parseMediaUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base);
  if (url === null) throw refuse('Give an absolute address that begins with https:// or http://.');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refuse('Only https:// and http:// addresses are fetched.');
  }
  if (url.username !== '' || url.password !== '') {
    throw refuse('Remove the user name and password from the address; use a signed link or upload the file.');
  }
  return url;
}

async function follow(
  first: URL,
  transport: UrlTransport,
  signal: AbortSignal,
): Promise<{ response: IncomingMessage; url: URL }> {
  let url = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const response = await ask(url, transport, signal);
    if (!REDIRECTS.has(response.statusCode ?? 0)) return { response, url };
    response.destroy();
    if (response.headers.location === undefined) throw unavailable('The server redirects to nowhere.');
    url = parseMediaUrl(response.headers.location, url);
  }
  throw unavailable(`The server redirects more than ${MAX_REDIRECTS} times.`);
}

function ask(url: URL, transport: UrlTransport, signal: AbortSignal): Promise<IncomingMessage> {
  if (!mayBeHost(url.hostname, transport)) throw refusePrivate();
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const request = send(url, {
    // An agent of its own: no connection is shared, and no proxy of the environment sees what we do not judge.
    agent: false,
    lookup: makeGuardedLookup(transport, refusePrivate),
    timeout: transport.idleMs,
    headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'Switchboard' },
    signal,
  });
  request.on('response', resolve);
  request.on('error', reject);
  request.on('timeout', () => request.destroy(unavailable('The server stopped answering.')));
  request.end();
  return promise;
}

function responseToMedia(response: IncomingMessage, url: URL, maxBytes: number, stop: Stop): UrlMedia {
  try {
    checkResponse(response, maxBytes);
  } catch (thrown) {
    response.destroy();
    throw thrown;
  }
  return {
    body: readBody(response, stop),
    declaredMimeType: response.headers['content-type'] ?? null,
    fileName: responseToFileName(response.headers['content-disposition'], url),
  };
}

function checkResponse(response: IncomingMessage, maxBytes: number): void {
  if (response.statusCode !== 200) throw unavailable(`The server answered ${response.statusCode}, not 200.`);
  const encoding = response.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw unavailable(`The server sends the file encoded as ${encoding}.`);
  if (Number(response.headers['content-length'] ?? 0) > maxBytes) throw makeTooLarge(FIELD, maxBytes);
}

async function* readBody(response: IncomingMessage, stop: Stop): AsyncGenerator<Uint8Array> {
  try {
    yield* response;
  } catch (thrown) {
    throw toMediaError(thrown, stop);
  } finally {
    response.destroy();
  }
}

function toMediaError(thrown: unknown, stop: Stop): unknown {
  if (isAppError(thrown)) return thrown;
  if (stop.caller.aborted) return stop.caller.reason;
  if (stop.deadline.aborted) return unavailable('The file took too long to come.', thrown);
  const cause = toError(thrown) as NodeJS.ErrnoException;
  return unavailable(`The file could not be fetched (${cause.code ?? 'unknown fault'}).`, cause);
}

function unavailable(message: string, cause?: unknown): AppError {
  const full = `${message} Check the address, or upload the file instead.`;
  return new AppError('MEDIA_UNAVAILABLE', {
    message: full,
    details: [{ field: FIELD, message: full }],
    cause,
  });
}

function refuse(message: string): AppError {
  return new AppError('VALIDATION_FAILED', { details: [{ field: FIELD, message }] });
}

function refusePrivate(): AppError {
  return refuse('The address is not on the public Internet. Upload the file instead.');
}
