/** A regular expression as it stands in the source. */
export interface RegexLiteral {
  readonly path: string;
  readonly regex: RegExp;
}

/** After what a slash begins a regular expression, and the whole of it on one line. */
const LITERAL =
  /(?<=[=(,:[!&|?{;]\s*|\breturn\s+|=>\s*|^\s*)\/(?![*/])((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+)\/([dgimsuvy]*)/gm;

/** The regular expressions of a file of ours. */
export function findRegexLiterals(path: string, code: string): readonly RegexLiteral[] {
  const withoutComments = code.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  return [...withoutComments.matchAll(LITERAL)].map(([, body = '', flags = '']) => ({
    path,
    regex: new RegExp(body, flags.replace('g', '')),
  }));
}
