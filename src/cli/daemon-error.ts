import type { ClientCode, SwitchboardError } from '../client/client.ts';
import { AppError, ERROR_CATALOGUE, type ErrorCode, toError } from '../lib/errors.ts';
import { ACCEPTANCE_TERMS } from '../messages/acceptance-terms.ts';
import type { Daemon } from './daemon-address.ts';

/** The daemon itself gives up before, and says so: its own answer is to come first. Milliseconds. */
export const REQUEST_DEADLINE_MS = ACCEPTANCE_TERMS.answerMs + 5_000;

/** The errors of a server that does not name a code of ours. */
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'VALIDATION_FAILED',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  429: 'RATE_LIMIT_EXCEEDED',
  503: 'UNAVAILABLE',
};

/** An error of the client as the command line tells it: with the daemon's own code, and the remedy where it knows one. */
export function toDaemonError(error: SwitchboardError, daemon: Daemon): AppError {
  const { code, status, message, details, cause } = error;
  switch (code as ClientCode) {
    case 'UNREACHABLE':
      if (mayHaveBeenSent(cause)) {
        const broken = `The connection to the daemon at ${daemon.url} broke before its answer was there (${reasonOf(cause)}).`;
        return withRepetition(error, { code: 'UNAVAILABLE', message: `${broken} ${UNKNOWN}` });
      }
      return new AppError('UNAVAILABLE', {
        message: `No daemon answers at ${daemon.url} (${reasonOf(cause)}). Start it with npm start, or point SWITCHBOARD_URL to it.`,
        cause,
      });
    case 'TIMEOUT': {
      const late = `The daemon at ${daemon.url} did not answer within ${REQUEST_DEADLINE_MS / 1_000} s.`;
      return withRepetition(error, { code: 'UNAVAILABLE', message: `${late} ${UNKNOWN}` });
    }
    case 'NOT_SWITCHBOARD': {
      const stranger = makeStrangerError(daemon, status);
      return isUndecided(status) ? withRepetition(error, stranger) : stranger;
    }
    default: {
      const known = toKnownCode(code, status ?? 500);
      if (isUndecided(status)) return withRepetition(error, { code: known, message, details });
      const remedy = status === 401 ? keyToRemedy(daemon) : '';
      return new AppError(known, { message: message + remedy, details });
    }
  }
}

const UNKNOWN = 'Whether what was asked is done is not known.';

/** What goes wrong on a connection that was there: the request may have arrived. */
const BROKEN: ReadonlySet<unknown> = new Set([
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
]);

function mayHaveBeenSent(thrown: unknown): boolean {
  const { code, syscall } = (toError(thrown).cause ?? {}) as { code?: unknown; syscall?: unknown };
  return BROKEN.has(code) && syscall !== 'connect';
}

/** The daemon, or a proxy before it, gave up; what was begun may go on. */
function isUndecided(status: number | undefined): boolean {
  return status !== undefined && status >= 500;
}

/** The error, with the key by which the command can be repeated safely if it was sent with one. */
function withRepetition(
  { idempotencyKey, cause }: SwitchboardError,
  { code, message, details }: Pick<AppError, 'code' | 'message'> & { readonly details?: unknown },
): AppError {
  if (idempotencyKey === undefined) return new AppError(code, { message, details, cause });
  const repetition = `Repeat the command with --idempotency-key ${idempotencyKey}: nothing is done twice.`;
  const known = Array.isArray(details) ? { details } : (details as object | undefined);
  return new AppError(code, {
    message: `${message} ${repetition}`,
    details: { ...known, idempotencyKey },
    cause,
  });
}

export function makeStrangerError({ url }: Daemon, status: number | undefined): AppError {
  return new AppError('UNAVAILABLE', {
    message: `What answers at ${url} is not Switchboard (HTTP ${status}). Correct PORT or SWITCHBOARD_URL.`,
  });
}

/** A newer daemon may know codes that we do not: its HTTP status then says enough. */
export function toKnownCode(code: string, status: number): ErrorCode {
  if (Object.hasOwn(ERROR_CATALOGUE, code)) return code as ErrorCode;
  return CODE_OF_STATUS[status] ?? (status >= 500 ? 'INTERNAL' : 'VALIDATION_FAILED');
}

/** What fetch knows better than its own message says. */
export function reasonOf(thrown: unknown): string {
  const { cause, message } = toError(thrown);
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
}

function keyToRemedy({ apiKey, keySource }: Daemon): string {
  if (apiKey === null || keySource === null) {
    return ' No API key was found: set SWITCHBOARD_API_KEY, or run this where the daemon keeps its data (DATA_PATH).';
  }
  const isVariable = keySource === 'SWITCHBOARD_API_KEY' || keySource === 'OWNER_API_KEY';
  const what = isVariable
    ? 'correct it'
    : "set SWITCHBOARD_API_KEY, or give the command line the daemon's DATA_PATH";
  return ` The key in ${keySource} is not one of this daemon: ${what}.`;
}
