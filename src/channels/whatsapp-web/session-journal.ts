import { DEFAULT_TIMINGS } from '../../config/session-timings.ts';
import { LeaseLostError } from '../../instances/lease.ts';
import { abortedAfter, orAborted, waitMs, withDeadline } from '../../lib/abort.ts';
import { isAppError, toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';

const { writeRetryMs, writeDeadlineMs, lastWritesMs } = DEFAULT_TIMINGS;

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
    this.#tooLate = abortedAfter(signal, lastWritesMs);
  }

  /**
   * Queues a write; true once it is stored, false if the session was stopped before that, or lost its account's lease.
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
    await withDeadline(this.#last, lastWritesMs, 'Storing the state').catch((thrown) => {
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
        if (this.#signal.aborted || thrown instanceof LeaseLostError) {
          this.#log.warn('The state of a session that stops could not be stored', { what, error });
          return false;
        }
        this.#log.warn('The state of a session could not be stored and is tried again', { what, error });
        await waitMs(writeRetryMs, this.#signal).catch(() => undefined);
      }
    }
  }

  async #attempt(work: Write): Promise<void> {
    const given = new AbortController();
    const isLast = this.#signal.aborted;
    const deadlineMs = isLast ? lastWritesMs : writeDeadlineMs;
    const answered = withDeadline(work(given.signal), deadlineMs, 'The database');
    try {
      await (isLast ? answered : orAborted(answered, this.#tooLate));
    } finally {
      given.abort(new Error('The write was given up.'));
    }
  }
}
