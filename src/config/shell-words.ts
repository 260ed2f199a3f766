import { invalid } from './variable.ts';

const BLANKS: ReadonlySet<string> = new Set([' ', '\t', '\r', '\n']);
/** What a backslash takes literally within double quotes; before anything else it stands for itself there. */
const ESCAPED_IN_QUOTES: ReadonlySet<string> = new Set(['$', '`', '"', '\\']);

/**
 * The words of a text as a POSIX shell reads them: split at blanks, with both kinds of quotes and with backslashes. Nothing is
 * expanded and there are no comments: `$`, `*`, `#`, `;` and their like stand for themselves.
 * @throws AppError CONFIG_INVALID if a quote is never closed
 */
export function splitShellWords(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; ) {
    const char = text[at] ?? '';
    if (BLANKS.has(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      at += 1;
      continue;
    }
    const piece = readPiece(text, at);
    // A backslash before the end of a line joins it to the next one.
    if (piece.text !== null) word = (word ?? '') + piece.text;
    at = piece.end;
  }
  return word === undefined ? words : [...words, word];
}

/** What a part of a word says, which may be nothing, and where it ends. `text` is null if it is no part of a word. */
interface Piece {
  readonly text: string | null;
  readonly end: number;
}

function readPiece(text: string, at: number): Piece {
  switch (text[at]) {
    case '\\':
      return readEscaped(text, at);
    case "'":
      return readSingleQuoted(text, at);
    case '"':
      return readDoubleQuoted(text, at);
    default:
      return { text: text[at] ?? '', end: at + 1 };
  }
}

function readEscaped(text: string, at: number): Piece {
  const next = text[at + 1];
  if (next === '\n') return { text: null, end: at + 2 };
  // At the very end there is nothing that it could take literally.
  return { text: next ?? '\\', end: at + 2 };
}

function readSingleQuoted(text: string, at: number): Piece {
  const close = text.indexOf("'", at + 1);
  if (close === -1) throw makeOpen();
  return { text: text.slice(at + 1, close), end: close + 1 };
}

function readDoubleQuoted(text: string, open: number): Piece {
  let said = '';
  for (let at = open + 1; at < text.length; at += 1) {
    const char = text[at] ?? '';
    if (char === '"') return { text: said, end: at + 1 };
    const next = text[at + 1] ?? '';
    const isEscape = char === '\\' && (next === '\n' || ESCAPED_IN_QUOTES.has(next));
    if (isEscape) at += 1;
    if (!isEscape) said += char;
    else if (next !== '\n') said += next;
  }
  throw makeOpen();
}

function makeOpen() {
  return invalid('A quote is opened and never closed. One that is meant as it is has a backslash before it.');
}
