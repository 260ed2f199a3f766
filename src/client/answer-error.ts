import { SwitchboardError } from './switchboard-error.ts';

/** What an error is told with, besides what the answer says. */
export interface Asked {
  readonly baseUrl: string;
  readonly idempotencyKey?: string | undefined;
}

/** An answer that is no success, as an error. Rejects as the reading of its body does. */
export async function answerToError(response: Response, asked: Asked): Promise<SwitchboardError> {
  const { status } = response;
  const { error } = parseEnvelope(await response.text()) ?? {};
  const code = textOf(error?.code);
  if (error === undefined || code === undefined) return strangerToError(response, asked);
  return new SwitchboardError({
    code,
    message: textOf(error.message) ?? `Switchboard answered with HTTP ${status}.`,
    status,
    details: error.details,
    requestId: textOf(error.requestId),
    retryAfterMs: parseRetryAfter(response),
    idempotencyKey: asked.idempotencyKey,
  });
}

export function strangerToError(response: Response, { baseUrl, idempotencyKey }: Asked): SwitchboardError {
  const { status } = response;
  return new SwitchboardError({
    code: 'NOT_SWITCHBOARD',
    message: `What answers at ${baseUrl} is not Switchboard (HTTP ${status}).`,
    status,
    retryAfterMs: parseRetryAfter(response),
    idempotencyKey,
  });
}

/** What fetch, or the reading of an answer, has thrown. */
export function thrownToError(thrown: unknown, { baseUrl, idempotencyKey }: Asked): SwitchboardError {
  if (thrown instanceof SwitchboardError) return thrown;
  const reason = reasonOf(thrown);
  return thrown instanceof DOMException && thrown.name === 'TimeoutError'
    ? new SwitchboardError({
        code: 'TIMEOUT',
        message: `Switchboard at ${baseUrl} did not answer in time.`,
        idempotencyKey,
        cause: thrown,
      })
    : new SwitchboardError({
        code: 'UNREACHABLE',
        message: `Nothing answers at ${baseUrl} (${reason}).`,
        idempotencyKey,
        cause: thrown,
      });
}

/** What fetch knows better than its own message says. */
export function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const { cause, message } = thrown;
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
}

/** True if it is the outside of each of our answers. */
export function isEnvelope(body: unknown): body is Envelope {
  return typeof body === 'object' && body !== null && 'success' in body;
}

interface Envelope {
  readonly success: unknown;
  readonly error?: {
    readonly code?: unknown;
    readonly message?: unknown;
    readonly details?: unknown;
    readonly requestId?: unknown;
  };
}

function parseEnvelope(text: string): Envelope | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return isEnvelope(body) ? body : undefined;
  } catch {
    // A page of a proxy, for instance.
    return undefined;
  }
}

function parseRetryAfter({ headers }: Response): number | undefined {
  const seconds = headers.get('retry-after') ?? '';
  return /^\d+$/.test(seconds) ? Number(seconds) * 1_000 : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
