import type { LogFields, Logger } from '../../src/lib/logger.ts';

/** One line that was logged. */
export interface RecordedLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps its lines, and lets a test wait for one instead of sleeping. */
export class RecordingLogger implements Logger {
  readonly lines: RecordedLine[] = [];
  readonly #waiters = new Map<string, PromiseWithResolvers<RecordedLine>>();

  debug(message: string, fields: LogFields = {}): void {
    this.#record({ level: 'debug', message, fields });
  }

  info(message: string, fields: LogFields = {}): void {
    this.#record({ level: 'info', message, fields });
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#record({ level: 'warn', message, fields });
  }

  error(message: string, fields: LogFields = {}): void {
    this.#record({ level: 'error', message, fields });
  }

  child(): Logger {
    return this;
  }

  /** The next line with this message from now on; the test's own timeout bounds the wait. */
  next(message: string): Promise<RecordedLine> {
    const waiter = this.#waiters.get(message) ?? Promise.withResolvers<RecordedLine>();
    this.#waiters.set(message, waiter);
    return waiter.promise;
  }

  #record(line: RecordedLine): void {
    this.lines.push(line);
    this.#waiters.get(line.message)?.resolve(line);
    this.#waiters.delete(line.message);
  }
}
