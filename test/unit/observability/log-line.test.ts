import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type LogLine, lineToConsole, lineToJson } from '../../../src/observability/log-line.ts';

const LINE: LogLine = {
  level: 'warn',
  message: 'A session fell',
  timestamp: '2026-01-02T03:04:05.678Z',
  fields: { accountId: 'a-1', attempt: 2, reason: 'the browser ended', nested: { a: [1] } },
};

describe('a line of the log', () => {
  it('reads as a sentence with its fields on the console', () => {
    expect(lineToConsole(LINE, false)).toBe(
      '2026-01-02 03:04:05.678 warn  A session fell accountId=a-1 attempt=2 reason="the browser ended" nested={"a":[1]}',
    );
  });

  it('leaves what is null to the files', () => {
    const line = { ...LINE, fields: { a: null, b: 0, c: '', d: { e: null } } };
    expect(lineToConsole(line, false)).toMatch(/A session fell b=0 c="" d=\{"e":null\}$/);
    expect(JSON.parse(lineToJson(line))).toMatchObject({ a: null });
  });

  it('has the same words in colours', () => {
    const coloured = lineToConsole(LINE, true);
    expect(coloured).toContain('\x1b[');
    expect(stripVTControlCharacters(coloured)).toBe(lineToConsole(LINE, false));
  });

  it('shows the message of an error, and leaves its stack to the files', () => {
    const error = { name: 'Error', message: 'It failed', stack: 'Error: It failed\n    at x' };
    const line = { ...LINE, fields: { error, wrapped: { error }, stack: 'at y' } };
    expect(lineToConsole(line, false)).toMatch(
      /error="It failed" wrapped=\{"error":\{"name":"Error","message":"It failed"\}\}$/,
    );
    expect(JSON.parse(lineToJson(line)).error.stack).toContain('at x');
  });

  it('cannot be broken in two or move the cursor', () => {
    const line = { ...LINE, message: 'one\ntwo\x1b[2J', fields: { a: 'x\ny\x9b2J', b: { c: '\r\x7f' } } };
    expect(lineToConsole(line, false)).not.toMatch(/\p{Cc}/u);
  });

  it('is one JSON object in the files, whose own names no field can take', () => {
    const json = lineToJson({ ...LINE, fields: { message: 'm', level: 'l', timestamp: 't', a: 'x\ny' } });
    expect(json).not.toContain('\n');
    expect(JSON.parse(json)).toEqual({
      timestamp: '2026-01-02T03:04:05.678Z',
      level: 'warn',
      message: 'A session fell',
      message_: 'm',
      level_: 'l',
      timestamp_: 't',
      a: 'x\ny',
    });
  });
});
