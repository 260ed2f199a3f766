import { waitMs } from '../lib/abort.ts';
import { AppError, errnoOf } from '../lib/errors.ts';
import { makeAuthenticator } from './authentication.ts';
import type { HttpDeps } from './context.ts';
import { makeHttpApp } from './http-app.ts';
import { makeRateLimits } from './rate-limit.ts';
import { openRealtime } from './realtime.ts';
import { cutStalledAnswers, STALLED_MS } from './stalled-answers.ts';

/** How long answers that are under way may take once the server is closing, in milliseconds. */
const CLOSE_DEADLINE_MS = 10_000;

/** The listening server. Disposing stops accepting and lets answers under way end, against a deadline. */
export interface HttpServer extends AsyncDisposable {
  readonly host: string;
  /** The real port, also where 0 was asked for. */
  readonly port: number;
  /** `http://host:port`, without a slash at the end. */
  readonly url: string;
}

/**
 * Listens on HOST:PORT.
 * @throws AppError PORT_TAKEN naming both and the remedy
 */
export async function openHttpServer(
  deps: HttpDeps,
  {
    signal,
    stalledMs = STALLED_MS,
  }: { readonly signal: AbortSignal; readonly stalledMs?: number | undefined },
): Promise<HttpServer> {
  signal.throwIfAborted();
  const { host, port, log } = { ...deps.config, log: deps.log };
  const limits = makeRateLimits({
    requestsPerKey: deps.config.apiRateLimit,
    shared: deps.sharedCalls,
    clock: deps.clock,
    log,
  });
  const authenticator = makeAuthenticator({ ...deps, limits });
  const app = await makeHttpApp(deps, { authenticator, limits });
  const realtime = openRealtime(app.server, { ...deps, authenticator });
  // Behind Socket.IO, which keeps its own requests from those who listened before.
  cutStalledAnswers(app.server, stalledMs, log);
  const close = async () => {
    const cancel = new AbortController();
    const deadline = waitMs(CLOSE_DEADLINE_MS, cancel.signal).then(
      () => {
        log.warn('Answers that were still under way were cut off', { deadlineMs: CLOSE_DEADLINE_MS });
        app.server.closeAllConnections();
      },
      () => undefined,
    );
    await realtime[Symbol.asyncDispose]();
    await app.close();
    cancel.abort();
    await deadline;
  };
  try {
    await app.listen({ host, port });
    signal.throwIfAborted();
  } catch (thrown) {
    await close();
    throw explainListenError(thrown, host, port);
  }
  const address = app.server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
  log.info('HTTP is served', { url });
  let closed: Promise<void> | undefined;
  return {
    host,
    port: bound,
    url,
    [Symbol.asyncDispose]: () => {
      closed ??= close();
      return closed;
    },
  };
}

function explainListenError(thrown: unknown, host: string, port: number): unknown {
  const code = errnoOf(thrown);
  if (code === 'EADDRINUSE') {
    return new AppError('PORT_TAKEN', {
      message: `Port ${port} on ${host} is taken. End what uses it, or choose another: PORT=${port + 1} npm start`,
      cause: thrown,
    });
  }
  if (code === 'EACCES') {
    return new AppError('PORT_TAKEN', {
      message: `Port ${port} on ${host} may not be used by this user. Choose another: PORT=3000 npm start`,
      cause: thrown,
    });
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new AppError('CONFIG_INVALID', {
      message: `HOST=${host} is no address of this machine. Use 127.0.0.1, or 0.0.0.0 for all of them.`,
      cause: thrown,
    });
  }
  return thrown;
}
