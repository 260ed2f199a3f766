/**
 * Whether Redis answers, as far as this connection knows: `new` until it has answered once, then `answering` and `away` by
 * turns, until `closing`. Each outage is logged once, and whoever wants to know is told when it is over.
 */
import type { Logger } from '../lib/logger.ts';

export class ConnectionWatch {
  readonly #log: Logger;
  readonly #listeners: (() => void)[] = [];
  readonly #closing = new AbortController();
  #state: 'new' | 'answering' | 'away' = 'new';
  #lastError: Error | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Aborts when the connection is closed on purpose; from then on nothing is said any more. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  get lastError(): Error | undefined {
    return this.#lastError;
  }

  /** Calls the listener each time that Redis is back from an outage; it returns at once and never throws. */
  onRecovered(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Keeps why it may be that Redis does not answer. */
  failed(error: Error): void {
    this.#lastError = error;
  }

  answers(): void {
    const before = this.#state;
    this.#state = 'answering';
    if (before !== 'away' || this.closing.aborted) return;
    this.#log.info('Redis answers again');
    for (const listener of this.#listeners) listener();
  }

  lost(): void {
    if (this.#state !== 'answering' || this.closing.aborted) return;
    this.#state = 'away';
    this.#log.warn('Redis does not answer; messages wait until it does', {
      error: this.#lastError?.message ?? null,
    });
  }

  close(): void {
    this.#closing.abort(new Error('The connection to Redis is closed.'));
  }
}
