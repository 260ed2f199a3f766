import { styleText } from 'node:util';
import type { LogLevel } from '../config/config.ts';

/** One line of the log, already redacted. */
export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  /** ISO 8601 in UTC. */
  readonly timestamp: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Names that a line has for itself; in JSON a field of that name gets an underscore behind it. */
const OWN_NAMES: ReadonlySet<string> = new Set(['level', 'message', 'timestamp']);

const COLOURS = { error: 'red', warn: 'yellow', info: 'green', debug: 'gray' } as const;

/** Stacks are for the files: in a terminal they would bury the lines around them. */
const FILE_ONLY = 'stack';

/** The line as a program reads it: one JSON object, the fields beside the line's own names. */
export function lineToJson({ timestamp, level, message, fields }: LogLine): string {
  const entries = Object.entries(fields).map(([name, value]) => [
    OWN_NAMES.has(name) ? `${name}_` : name,
    value,
  ]);
  return JSON.stringify({ timestamp, level, message, ...Object.fromEntries(entries) });
}

/** The line as a person reads it in a terminal: time, level, sentence, `name=value` of what is not null. Always one line. */
export function lineToConsole(line: LogLine, colours: boolean): string {
  const paint = (style: 'dim' | (typeof COLOURS)[LogLevel], text: string) =>
    colours ? styleText(style, text, { validateStream: false }) : text;
  const time = line.timestamp.replace('T', ' ').replace('Z', '');
  const level = paint(COLOURS[line.level], line.level.padEnd(5));
  const fields = Object.entries(line.fields)
    .filter(([name, value]) => name !== FILE_ONLY && value !== null && value !== undefined)
    .map(([name, value]) => `${paint('dim', `${name}=`)}${valueToConsole(value)}`);
  return [paint('dim', time), level, escapeControls(line.message), ...fields].join(' ');
}

function valueToConsole(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=\p{Cc}]+$/u.test(value)) return value;
  if (isErrorLike(value)) return valueToConsole(value.message);
  return escapeControls(JSON.stringify(value, (name, part) => (name === FILE_ONLY ? undefined : part)));
}

function isErrorLike(value: unknown): value is { readonly message: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    FILE_ONLY in value &&
    'message' in value &&
    typeof value.message === 'string'
  );
}

/** Control characters from outside could forge lines or move the cursor. */
function escapeControls(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (char) => JSON.stringify(char).slice(1, -1).replace(char, ' '));
}
