import type { FieldProblem } from '../lib/errors.ts';

/** What the shells' and Node's readers take for a name; Node itself would take anything before the "=". */
const ASSIGNMENT = /^(?:export\s+)?[A-Za-z_][\w.-]*\s*=\s*(.*)$/s;

/**
 * The lines of `.env` that set nothing, though they are neither empty nor a comment: Node passes over them in silence.
 * Pure. What they hold is not repeated, for it may be a secret.
 */
export function findMalformedLines(text: string): readonly FieldProblem[] {
  const lines = text.split(/\r?\n/);
  const problems: FieldProblem[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index]?.trim() ?? '';
    if (line === '' || line.startsWith('#')) continue;
    const value = ASSIGNMENT.exec(line)?.[1];
    if (value === undefined) {
      const message = `Line ${index + 1} sets nothing. Write NAME=value, or put a # before it.`;
      problems.push({ field: '.env', message });
    } else {
      index = endOfValue(lines, index, value);
    }
  }
  return problems;
}

/** The index of the line on which a value ends: quoted ones may have several, unless the quote is never closed. */
function endOfValue(lines: readonly string[], start: number, value: string): number {
  const quote = value.charAt(0);
  if (!['"', "'", '`'].includes(quote) || value.indexOf(quote, 1) > 0) return start;
  const end = lines.findIndex((line, index) => index > start && line.includes(quote));
  return end === -1 ? start : end;
}
