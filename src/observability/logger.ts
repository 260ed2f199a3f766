import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import winston from 'winston';
import type { Config, LogLevel } from '../config/config.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { AppError, toError } from '../lib/errors.ts';
import { makeFolders } from '../lib/folders.ts';
import type { LogFields, Logger } from '../lib/logger.ts';
import { type LogLine, lineToConsole, lineToJson } from './log-line.ts';
import { redactFields, redactText } from './redaction.ts';
import { RotatingFile } from './rotating-file.ts';

/** A file is rotated before it would grow beyond this: combined.log and error.log take 100 MiB together at most. */
const MAX_FILE_BYTES = 10 * 1_024 * 1_024;
const MAX_FILES = 5;

const LEVELS = { error: 0, warn: 1, info: 2, debug: 3 } as const satisfies Record<LogLevel, number>;

type Console = Writable & { readonly isTTY?: boolean };

/** What the log is written to besides its files, and what tells the time. */
export interface LogOutput {
  /** Standard output if not given. Colours are used only if it is a terminal. */
  readonly console?: Console;
  readonly clock?: Clock;
  /** 10 MiB if not given. */
  readonly maxFileBytes?: number;
}

/** A logger that owns its files. Disposing writes out what is on its way; lines that come later are dropped. */
export interface OpenLogger extends Logger, AsyncDisposable {
  /** Writes an error to the files alone, where the console is told in other words. */
  errorToFiles(message: string, fields?: LogFields): void;
}

/**
 * Opens the log: lines for people on the console, JSON lines in `combined.log` and (errors alone) `error.log` of the
 * folder, both rotated. Every line is redacted. A console that goes away or a full disk never ends the process.
 * @throws AppError CONFIG_INVALID that names LOG_DIR if the folder cannot be written
 */
export async function openLogger(settings: Config['log'], output: LogOutput = {}): Promise<OpenLogger> {
  const { console = process.stdout, clock = systemClock, maxFileBytes = MAX_FILE_BYTES } = output;
  await checkWritable(settings.dir);
  const openFile = (name: string) =>
    new RotatingFile({
      path: join(settings.dir, name),
      maxBytes: maxFileBytes,
      maxFiles: MAX_FILES,
      onFault: (error) => logger.error('A log file cannot be written', { file: name, error }),
    });
  const combined = openFile('combined.log');
  const errors = openFile('error.log');
  const sink = makeSink(settings.level, { console, combined, errors });
  const logger = makeLogger(sink, clock, {});
  // A terminal or a pipe that is gone reports EPIPE; without a listener that would end the process.
  const onConsoleGone = () => undefined;
  console.on('error', onConsoleGone);
  return {
    ...logger,
    errorToFiles(message, fields = {}) {
      if (sink.writableEnded) return;
      const text = `${lineToJson(makeLine('error', message, { clock, fields }))}\n`;
      for (const file of [combined, errors]) file.write(text);
    },
    async [Symbol.asyncDispose]() {
      if (sink.writableEnded) return;
      await finished(sink.end(), { readable: false });
      await Promise.all([finished(combined.end()), finished(errors.end())]);
      await flush(console);
      console.off('error', onConsoleGone);
    },
  };
}

/** Opened for writing rather than asked about: root may do anything on paper, and a full disk says so here. */
async function checkWritable(dir: string): Promise<void> {
  try {
    await makeFolders(dir);
    for (const name of ['combined.log', 'error.log']) await (await open(join(dir, name), 'a', 0o640)).close();
  } catch (thrown) {
    const message = `The folder ${dir} cannot be written (${toError(thrown).message}). Correct its owner or mode, or set LOG_DIR to another folder.`;
    throw new AppError('CONFIG_INVALID', { details: [{ field: 'LOG_DIR', message }], cause: thrown });
  }
}

interface Destinations {
  readonly console: Console;
  readonly combined: Writable;
  readonly errors: Writable;
}

function makeSink(level: LogLevel, { console, combined, errors }: Destinations): winston.Logger {
  const { Stream } = winston.transports;
  const colours = console.isTTY === true;
  const toJson = writeAs(lineToJson);
  return winston.createLogger({
    level,
    levels: LEVELS,
    // Each transport has its own; without one here winston would make JSON of every line first.
    format: winston.format((info) => info)(),
    transports: [
      new Stream({ stream: console, format: writeAs((line) => lineToConsole(line, colours)) }),
      new Stream({ stream: combined, format: toJson }),
      new Stream({ stream: errors, format: toJson, level: 'error' }),
    ],
  });
}

function writeAs(toText: (line: LogLine) => string): winston.Logform.Format {
  // Only `makeLogger` writes to the sink, and it writes nothing but lines.
  return winston.format.printf((info) => toText(info as unknown as LogLine));
}

function makeLogger(sink: winston.Logger, clock: Clock, bound: LogFields): Logger {
  const write = (level: LogLevel, message: string, fields: LogFields = {}) => {
    if (sink.writableEnded || !sink.isLevelEnabled(level)) return;
    sink.log(makeLine(level, message, { clock, fields: { ...bound, ...fields } }));
  };
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    child: (fields) => makeLogger(sink, clock, { ...bound, ...fields }),
  };
}

function makeLine(
  level: LogLevel,
  message: string,
  { clock, fields }: { readonly clock: Clock; readonly fields: LogFields },
): LogLine {
  return {
    level,
    message: redactText(message),
    timestamp: new Date(clock.now()).toISOString(),
    fields: redactFields(fields),
  };
}

/** Resolves when what was written before is out, or can never be. */
function flush(stream: Writable): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
