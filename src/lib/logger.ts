/** Fields beside a log line's constant message. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * What the rooms write their log to. The message is a constant sentence, the data are fields.
 * error: a human must act. warn: we recovered. info: a state changed.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose every line carries these fields too. */
  child(fields: LogFields): Logger;
}
