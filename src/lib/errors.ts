import { inspect } from 'node:util';

/** When a failed operation may be tried again: never, after a pause, or once the account is connected. */
export type Retry = 'never' | 'backoff' | 'when-connected';

interface ErrorEntry {
  readonly status: number;
  readonly retry: Retry;
  readonly message: string;
}

/** Every error the daemon can name. A code is never reused for another meaning. */
export const ERROR_CATALOGUE = {
  VALIDATION_FAILED: { status: 400, retry: 'never', message: 'The request is not valid.' },
  QR_EXPIRED: { status: 400, retry: 'never', message: 'The QR code was given up. Ask for a new one.' },
  UNAUTHENTICATED: {
    status: 401,
    retry: 'never',
    message: 'A valid API key is needed: docs/access.md says where the first one lies.',
  },
  AUTHENTICATION_FAILED: {
    status: 401,
    retry: 'never',
    message: 'WhatsApp refused the session. Scan again.',
  },
  FORBIDDEN: { status: 403, retry: 'never', message: 'The role of this key lacks the permission.' },
  NOT_FOUND: { status: 404, retry: 'never', message: 'There is nothing at this address.' },
  ACCOUNT_NOT_FOUND: { status: 404, retry: 'never', message: 'There is no such account.' },
  MESSAGE_NOT_FOUND: { status: 404, retry: 'never', message: 'There is no such message.' },
  KEY_NOT_FOUND: { status: 404, retry: 'never', message: 'There is no such API key.' },
  WEBHOOK_NOT_FOUND: { status: 404, retry: 'never', message: 'There is no such webhook.' },
  DELIVERY_NOT_FOUND: { status: 404, retry: 'never', message: 'There is no such delivery of this webhook.' },
  MEDIA_NOT_FOUND: { status: 404, retry: 'never', message: 'There is no such media.' },
  INSTANCE_NOT_FOUND: { status: 404, retry: 'never', message: 'There is no such instance.' },
  CAMPAIGN_NOT_FOUND: { status: 404, retry: 'never', message: 'There is no such campaign.' },
  METHOD_NOT_ALLOWED: {
    status: 405,
    retry: 'never',
    message: 'This address knows other methods: the header Allow names them.',
  },
  ACCOUNT_NOT_CONNECTED: { status: 409, retry: 'when-connected', message: 'The account is not connected.' },
  ALREADY_LINKED: { status: 409, retry: 'never', message: 'The account is linked already.' },
  LAST_OWNER_KEY: {
    status: 409,
    retry: 'never',
    message: 'This is the last key that can manage the tenant. Make another owner key first.',
  },
  INSTANCE_ALIVE: {
    status: 409,
    retry: 'backoff',
    message: 'The instance has renewed its lease just now, so that it may be alive.',
  },
  EXPORT_OUTDATED: { status: 409, retry: 'never', message: 'The session has gone on since this export.' },
  TOO_MANY_WEBHOOKS: {
    status: 409,
    retry: 'never',
    message:
      'The tenant has as many webhooks as it may. Delete one, or have one that is there take more events.',
  },
  WEBHOOK_DISABLED: {
    status: 409,
    retry: 'never',
    message: 'The webhook is disabled. Enable it first: PATCH {"enabled": true}.',
  },
  IDEMPOTENCY_IN_PROGRESS: {
    status: 409,
    retry: 'backoff',
    message: 'The first request with this Idempotency-Key is still being accepted.',
  },
  IDEMPOTENCY_CONFLICT: {
    status: 409,
    retry: 'never',
    message: 'This Idempotency-Key was used with another body.',
  },
  MESSAGE_NOT_CANCELLABLE: {
    status: 409,
    retry: 'never',
    message: 'The message was handed to WhatsApp, or has ended.',
  },
  CAMPAIGN_ENDED: {
    status: 409,
    retry: 'never',
    message: 'The campaign was cancelled, or all of it was accepted.',
  },
  NUMBER_CHANGED: {
    status: 409,
    retry: 'never',
    message: 'Another number was linked to the account before the message left.',
  },
  MESSAGE_NOT_REACTABLE: {
    status: 409,
    retry: 'never',
    message: 'The message was never sent, was deleted, or is no longer on the phone.',
  },
  REQUEST_TIMEOUT: { status: 408, retry: 'backoff', message: 'The request took too long to come.' },
  TOO_LARGE: { status: 413, retry: 'never', message: 'The request or the media is too large.' },
  UNSUPPORTED_MEDIA: { status: 415, retry: 'never', message: 'This kind of media is not supported.' },
  EXPECTATION_FAILED: {
    status: 417,
    retry: 'never',
    message: 'No other expectation than 100-continue is met here.',
  },
  RATE_LIMIT_EXCEEDED: { status: 429, retry: 'backoff', message: 'Too many requests.' },
  DAILY_LIMIT_EXCEEDED: {
    status: 429,
    retry: 'backoff',
    message: 'The account has used up its messages of the day.',
  },
  INTERNAL: { status: 500, retry: 'backoff', message: 'Something went wrong inside Switchboard.' },
  CONNECTION_FAILED: { status: 500, retry: 'backoff', message: 'The WhatsApp session could not be started.' },
  POOL_FULL: {
    status: 503,
    retry: 'backoff',
    message: 'All session slots are taken. Disconnect an account or raise WHATSAPP_MAX_CONNECTIONS.',
  },
  UNAVAILABLE: { status: 503, retry: 'backoff', message: 'Switchboard cannot answer right now. Try again.' },

  // What stops a start. The status is never used.
  CONFIG_INVALID: { status: 500, retry: 'never', message: 'The configuration is not valid.' },
  DATA_PATH_UNWRITABLE: { status: 500, retry: 'never', message: 'The data folder cannot be written.' },
  DATA_PATH_LOCKED: { status: 500, retry: 'never', message: 'Another daemon uses this data folder.' },
  EMBEDDED_POSTGRES_FAILED: { status: 500, retry: 'backoff', message: 'PostgreSQL could not be started.' },
  EMBEDDED_REDIS_FAILED: { status: 500, retry: 'backoff', message: 'Redis could not be started.' },
  POSTGRES_MISSING: { status: 500, retry: 'never', message: 'The embedded PostgreSQL is not installed.' },
  REDIS_MISSING: { status: 500, retry: 'never', message: 'redis-server is not installed.' },
  BROWSER_MISSING: { status: 500, retry: 'never', message: 'No Chromium was found.' },
  POSTGRES_UNREACHABLE: { status: 503, retry: 'backoff', message: 'PostgreSQL does not answer.' },
  POSTGRES_UNFIT: { status: 500, retry: 'never', message: 'The PostgreSQL database cannot be used.' },
  REDIS_UNREACHABLE: { status: 503, retry: 'backoff', message: 'Redis does not answer.' },
  REDIS_UNFIT: { status: 500, retry: 'never', message: 'Redis is not configured to keep every job.' },
  PORT_TAKEN: { status: 500, retry: 'never', message: 'The HTTP port is taken.' },

  // What a WhatsApp session can say.
  SESSION_FAULT: { status: 500, retry: 'backoff', message: 'The WhatsApp session had a fault.' },
  SESSION_DEADLINE: { status: 500, retry: 'backoff', message: 'The WhatsApp page did not answer in time.' },
  SEND_OUTCOME_UNKNOWN: { status: 500, retry: 'never', message: 'Whether the message left is not known.' },
  SEND_WITHHELD: {
    status: 503,
    retry: 'backoff',
    message: 'The message could not be given to WhatsApp Web yet.',
  },
  NOT_ON_WHATSAPP: { status: 422, retry: 'never', message: 'This number is not on WhatsApp.' },
  SEND_REFUSED: { status: 422, retry: 'never', message: 'WhatsApp refused the message.' },
  MEDIA_UNAVAILABLE: { status: 422, retry: 'never', message: 'The media could not be had.' },
  MEDIA_STORAGE_FAILED: { status: 503, retry: 'backoff', message: 'The media storage could not be reached.' },

  // What a sealed session can say.
  DISK_FULL: {
    status: 503,
    retry: 'backoff',
    message: 'The disk that WHATSAPP_RUNTIME_PATH lies on has no room for the session.',
  },
  VAULT_DAMAGED: { status: 500, retry: 'never', message: 'The sealed session was changed or cut.' },
  VAULT_KEY_MISSING: { status: 500, retry: 'never', message: 'No key at hand opens the sealed session.' },
  VAULT_TOO_LARGE: { status: 500, retry: 'never', message: 'The sealed session holds more than it may.' },
  VAULT_STORAGE_FAILED: {
    status: 503,
    retry: 'backoff',
    message: 'A copy of the vault could not be reached.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** One thing wrong with the input: the field's name (dotted) and how to mend it. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

export interface AppErrorOptions {
  /** A sentence that is more precise than the catalogue's. */
  readonly message?: string;
  readonly details?: unknown;
  readonly cause?: unknown;
}

/** The only error that Switchboard's own code throws on purpose. Decide by `code`, never by the message. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: unknown;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(options.message ?? ERROR_CATALOGUE[code].message, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details;
  }

  get status(): number {
    return ERROR_CATALOGUE[this.code].status;
  }

  get retry(): Retry {
    return ERROR_CATALOGUE[this.code].retry;
  }
}

/** Whatever was thrown, as an Error: libraries throw strings too (fact A3). */
export function toError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error && typeof thrown.message === 'string') return thrown;
    return new Error(typeof thrown === 'string' ? thrown : `A non-error was thrown: ${inspect(thrown)}`);
  } catch {
    // A proxy that was revoked, a getter that throws: looking at such a thing fails.
    return new Error('Something was thrown that cannot be looked at.');
  }
}

/** What the system calls it, such as ENOENT, if the system refused something; undefined for errors without a code. */
export function errnoOf(thrown: unknown): string | undefined {
  const { code }: NodeJS.ErrnoException = toError(thrown);
  return code;
}

/** True if `thrown` is an AppError with this code. */
export function isAppError(thrown: unknown, code?: ErrorCode): thrown is AppError {
  return thrown instanceof AppError && (code === undefined || thrown.code === code);
}
