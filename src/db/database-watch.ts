import { waitMs, withDeadline } from '../lib/abort.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';

/** A server that takes longer than this to answer is away; milliseconds. */
const ANSWER_MS = 5_000;
/** The pause between two looks at a server that is away; milliseconds. */
const LOOK_EVERY_MS = 500;

/**
 * Finds out when the database is away and when it is back, from the failures that its users have: while it answers it is
 * not asked. One connection that breaks is no outage if the next one works.
 */
export class DatabaseWatch {
  readonly #ask: () => Promise<unknown>;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  readonly #listeners: (() => void)[] = [];
  #looking: Promise<void> | undefined;
  #hasAnswered = false;

  constructor(ask: () => Promise<unknown>, log: Logger) {
    this.#ask = ask;
    this.#log = log;
  }

  /** Calls the listener each time that the database is back from an outage; it returns at once and never throws. */
  onRecovered(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** A connection was had. */
  answered(): void {
    this.#hasAnswered = true;
  }

  /** A connection broke or could not be had. One that there never was is no outage: whoever opens it is told. */
  broke(): void {
    if (this.#hasAnswered && !this.#closing.signal.aborted) this.#looking ??= this.#look();
  }

  /** Stops looking. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#looking;
  }

  async #look(): Promise<void> {
    try {
      if (await this.#answers()) return;
      this.#log.warn('The database does not answer; messages wait until it does');
      while (!(await this.#answers())) await waitMs(LOOK_EVERY_MS, this.#closing.signal);
      this.#log.info('The database answers again');
      for (const listener of this.#listeners) listener();
    } catch (thrown) {
      if (!this.#closing.signal.aborted) throw thrown;
    } finally {
      this.#looking = undefined;
    }
  }

  async #answers(): Promise<boolean> {
    this.#closing.signal.throwIfAborted();
    try {
      await withDeadline(this.#ask(), ANSWER_MS, 'The database');
      return true;
    } catch (thrown) {
      this.#log.debug('The database did not answer', { error: toError(thrown).message });
      return false;
    }
  }
}
