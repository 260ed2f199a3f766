const TOKEN =
  /\/\/.*|\/\*[\s\S]*?\*\/|(?<text>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|(?<=[(,=:[!&|?{};]\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*|(?<word>[\w$]+)|(?<sign>=>|\S)/g;

interface Token {
  readonly kind: 'text' | 'word' | 'sign';
  readonly value: string;
}

/**
 * The titles in a test file: of tests, of groups, and the texts in the tables that titles are filled from. Comments, and
 * tests that do not run, count for nothing.
 */
export function readTitles(source: string): string[] {
  const tokens = readTokens(source);
  return tokens.flatMap(({ kind, value }, at) => {
    const isCall = kind === 'word' && ['it', 'test', 'describe'].includes(value);
    return isCall && tokens[at - 1]?.value !== '.' ? titlesOfCall(tokens, at + 1) : [];
  });
}

function readTokens(source: string): Token[] {
  return [...source.matchAll(TOKEN)].flatMap(({ groups = {} }): Token[] => {
    const { text, word, sign } = groups;
    if (text !== undefined) return [{ kind: 'text', value: text.slice(1, -1).replaceAll(/\\(.)/g, '$1') }];
    if (word !== undefined) return [{ kind: 'word', value: word }];
    return sign === undefined ? [] : [{ kind: 'sign', value: sign }];
  });
}

/** Of `it('…', …)` the title; of `it.each<…>(table)('…', …)` the texts of the table as well. */
function titlesOfCall(tokens: readonly Token[], begin: number): string[] {
  const open = tokens.findIndex(({ value, kind }, at) => at >= begin && kind === 'sign' && value === '(');
  const words = tokens.slice(begin, open).map(({ value }) => value);
  if (open === -1 || words.includes('skip') || words.includes('todo')) return [];
  if (!words.includes('each')) return words.length === 0 ? firstText(tokens, open) : [];
  const close = closeOf(tokens, open);
  const table = tokens.slice(open, close).filter(({ kind }) => kind === 'text');
  return [...table.map(({ value }) => value), ...firstText(tokens, close + 1)];
}

function firstText(tokens: readonly Token[], open: number): string[] {
  const title = tokens[open + 1];
  return tokens[open]?.value === '(' && title?.kind === 'text' ? [title.value] : [];
}

function closeOf(tokens: readonly Token[], open: number): number {
  let depth = 0;
  return tokens.findIndex(({ kind, value }, at) => {
    if (at < open || kind !== 'sign') return false;
    if (value === '(') depth += 1;
    if (value === ')') depth -= 1;
    return depth === 0;
  });
}
