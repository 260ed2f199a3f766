import { type Asked, answerToError, thrownToError } from './answer-error.ts';
import { failureToWaitMs } from './repeat-rule.ts';

export interface ExchangeOptions extends Asked {
  readonly fetch: (request: Request, init?: RequestInit) => Promise<Response>;
  /** For each attempt, in milliseconds; null for none. */
  readonly timeoutMs: number | null;
  /** How many times a request is made again at most. */
  readonly retries: number;
  /** Done twice it is as good as done once. */
  readonly isRepeatable: boolean;
}

/**
 * Makes a request, again where that is safe, and resolves with a successful answer.
 * @throws SwitchboardError of the last attempt, or the reason of the request's signal
 */
export async function exchange(request: Request, options: ExchangeOptions): Promise<Response> {
  const { retries, isRepeatable } = options;
  for (let repetition = 0; ; repetition += 1) {
    // The body of a request can be sent once; the last attempt sends the original.
    const response = await attempt(repetition < retries ? request.clone() : request, options);
    if (response instanceof Response) return response;
    const waitMs = failureToWaitMs(response, { isRepeatable, repetition });
    if (waitMs === undefined || repetition >= retries) throw response;
    await wait(waitMs, request.signal);
  }
}

/** A successful answer, or what went wrong. */
async function attempt(request: Request, options: ExchangeOptions) {
  const { fetch, timeoutMs } = options;
  const { signal } = request;
  const limited = timeoutMs === null ? signal : AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const response = await fetch(request, { signal: limited });
    return response.ok ? response : await answerToError(response, options);
  } catch (thrown) {
    signal.throwIfAborted();
    return thrownToError(thrown, options);
  }
}

/** Rejects with the signal's reason as soon as it aborts. */
function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
