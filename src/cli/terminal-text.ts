/** Text from outside for one line of a terminal: control characters could move the cursor or set its title. */
export function textToLine(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, '')
    .trim();
}

/** The same, cut to so many characters. */
export function textToCell(text: string, maxLength: number): string {
  const characters = [...textToLine(text)];
  if (characters.length <= maxLength) return characters.join('');
  return `${characters.slice(0, maxLength - 1).join('')}…`;
}

/** What names of accounts may take of a line: codes that are drawn over each other must not wrap. */
const MAX_NAME = 40;

/** What a person calls the account. */
export function accountName(id: string, name: string | null): string {
  return textToCell(name ?? '', MAX_NAME) || `Account ${id}`;
}

/** A table with its head, columns two spaces apart; ends with a line break. */
export function rowsToTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => [...(row[column] ?? '')].length)),
  );
  const lines = [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - [...cell].length)))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** Goes back by so many lines and empties the terminal from there on. */
export function clearLines(lines: number): string {
  return `\x1b[${lines}F\x1b[J`;
}

/** An instant of the API for people: 2026-01-02 03:04:05 UTC. */
export function instantText(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? iso : `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** A size for people: 14.2 MB. */
export function byteCount(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB'];
  const power = Math.min(units.length, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1_000 ** power).toFixed(1)} ${units[power - 1]}`;
}
