import type { LogFields, Logger } from '../../src/lib/logger.ts';
import { RecordingLogger } from './recording-logger.ts';

/** Keeps its lines, those of its children with what these bind, and says so whenever one was logged. */
export class TellingLogger extends RecordingLogger {
  readonly #tell: () => void;

  constructor(tell: () => void) {
    super();
    this.#tell = tell;
  }

  override debug(...line: Parameters<Logger['debug']>): void {
    super.debug(...line);
    this.#tell();
  }

  override info(...line: Parameters<Logger['info']>): void {
    super.info(...line);
    this.#tell();
  }

  override warn(...line: Parameters<Logger['warn']>): void {
    super.warn(...line);
    this.#tell();
  }

  override error(...line: Parameters<Logger['error']>): void {
    super.error(...line);
    this.#tell();
  }

  override child(bound: LogFields = {}): Logger {
    return {
      debug: (message, fields) => this.debug(message, { ...bound, ...fields }),
      info: (message, fields) => this.info(message, { ...bound, ...fields }),
      warn: (message, fields) => this.warn(message, { ...bound, ...fields }),
      error: (message, fields) => this.error(message, { ...bound, ...fields }),
      child: (more) => this.child({ ...bound, ...more }),
    };
  }
}
