/** What the client itself calls an error that no answer names; every other code is one of docs/errors.md. */
export type ClientCode =
  /** Nothing answered, or the answer broke off. */
  | 'UNREACHABLE'
  /** No answer came in time. */
  | 'TIMEOUT'
  /** What answered is not Switchboard. */
  | 'NOT_SWITCHBOARD';

export interface SwitchboardErrorParts {
  readonly code: string;
  readonly message: string;
  readonly status?: number | undefined;
  readonly details?: unknown;
  readonly requestId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly cause?: unknown;
}

/** The only error of the client, but for the reason of a signal that was aborted. Decide by `code`. */
export class SwitchboardError extends Error {
  /** Of docs/errors.md, or a ClientCode. A newer daemon may know more. */
  readonly code: string;
  /** Of the answer; undefined if there was none. */
  readonly status: number | undefined;
  /** For VALIDATION_FAILED every field that is wrong, as `{field, message}`. */
  readonly details: unknown;
  /** Names the lines of the daemon's log; undefined if no answer has named one. */
  readonly requestId: string | undefined;
  /** How long the daemon asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** What the request was sent with: whoever repeats it with the same one sends nothing twice. */
  readonly idempotencyKey: string | undefined;

  constructor(parts: SwitchboardErrorParts) {
    super(parts.message, { cause: parts.cause });
    this.name = 'SwitchboardError';
    this.code = parts.code;
    this.status = parts.status;
    this.details = parts.details;
    this.requestId = parts.requestId;
    this.retryAfterMs = parts.retryAfterMs;
    this.idempotencyKey = parts.idempotencyKey;
  }
}
