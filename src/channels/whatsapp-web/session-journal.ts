import { abortedAfter, orAborted, waitMs, withDeadline } from '../../lib/abort.ts';
import { isAppError, toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';

/** How long a write waits for a database that is away before it is tried again. */
const RETRY_MS = 1_000;

/**
 * How long a write may go unanswered, in milliseconds: one takes some milliseconds, on a machine that is overloaded a
 * second or two. A connection whose other end has vanished is not answered for minutes, while a new one would be.
 */
const WRITE_DEADLINE_MS = 10_000;

/** How long the last writes of a session that stops may take. */
const FLUSH_DEADLINE_MS = 2_000;

/** A write that may be repeated; once the signal has aborted it changes nothing any more. */
export type Write = (signal: AbortSignal) => Promise<void>;

/**
 * A session's writes, one after another in their order, each until the database takes it: one that is away must
 * neither end a session nor keep it from watching over its browser. Once the signal has aborted each is tried once.
 * One that is not answered in time is given up before it is repeated: its own signal aborts, and it changes nothing from
 * then on, so that it cannot undo what is written after it.
 */
export class SessionJournal {
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  /** Aborts when a session that stops waits no longer. */
  readonly #tooLate: AbortSignal;
  #last: Promise<void> = Promise.resolve();

  constructor(log: Logger, signal: AbortSignal) {
    this.#log = log;
    this.#signal = signal;
    this.#tooLate = abortedAfter(signal, FLUSH_DEADLINE_MS);
  }

  /**
   * Queues a write; true once it is stored, false if the session was stopped before that.
   * @throws AppError ALREADY_LINKED
   */
  write(what: string, work: Write): Promise<boolean> {
    const written = this.#last.then(() => this.#until(what, work));
    this.#last = written.then(
      () => undefined,
      () => undefined,
    );
    return written;
  }

  /** Resolves when everything queued is written; once the signal has aborted, soon without it. */
  async flush(): Promise<void> {
    await orAborted(this.#last, this.#signal).catch(() => undefined);
    await withDeadline(this.#last, FLUSH_DEADLINE_MS, 'Storing the state').catch((thrown) => {
      this.#log.warn('The last state of a session could not be stored', { error: toError(thrown).message });
    });
  }

  async #until(what: string, work: Write): Promise<boolean> {
    for (;;) {
      try {
        await this.#attempt(work);
        return true;
      } catch (thrown) {
        if (isAppError(thrown, 'ALREADY_LINKED')) throw thrown;
        const error = toError(thrown).message;
        if (this.#signal.aborted) {
          this.#log.warn('The state of a session that stops could not be stored', { what, error });
          return false;
        }
        this.#log.warn('The state of a session could not be stored and is tried again', { what, error });
        await waitMs(RETRY_MS, this.#signal).catch(() => undefined);
      }
    }
  }

  async #attempt(work: Write): Promise<void> {
    const given = new AbortController();
    const isLast = this.#signal.aborted;
    const deadlineMs = isLast ? FLUSH_DEADLINE_MS : WRITE_DEADLINE_MS;
    const answered = withDeadline(work(given.signal), deadlineMs, 'The database');
    try {
      await (isLast ? answered : orAborted(answered, this.#tooLate));
    } finally {
      given.abort(new Error('The write was given up.'));
    }
  }
}
