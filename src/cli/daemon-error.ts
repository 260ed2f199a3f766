import type { ClientCode, SwitchboardError } from '../client/client.ts';
import { AppError, ERROR_CATALOGUE, type ErrorCode, toError } from '../lib/errors.ts';
import type { Daemon } from './daemon-address.ts';

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
    case 'TIMEOUT':
      return new AppError('UNAVAILABLE', {
        message: `No daemon answers at ${daemon.url} (${reasonOf(cause)}). Start it with npm start, or point SWITCHBOARD_URL to it.`,
        cause,
      });
    case 'NOT_SWITCHBOARD':
      return makeStrangerError(daemon, status);
    default: {
      const remedy = status === 401 ? keyToRemedy(daemon) : '';
      return new AppError(toKnownCode(code, status ?? 500), { message: message + remedy, details });
    }
  }
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
