import { dirname, join } from 'node:path/posix';

/** One import line of a source file. */
export interface SourceImport {
  /** As written: `./x.ts`, `node:fs`, `pg`. */
  readonly specifier: string;
  /** The file below src/ that a relative one means; null for packages and builtins. */
  readonly target: string | null;
}

/** A source file, its path below src/ with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly imports: readonly SourceImport[];
  /** The code without comments and without what stands in quotes. */
  readonly code: string;
}

/** Static and dynamic imports, and re-exports. `require` is what code in the WhatsApp page calls its own modules by. */
const IMPORT =
  /(?:^|[\s;}])(?:import|export)\s(?:[^'"`;()]*?\sfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g;

/** Reads a file's imports from its text. */
export function readSource(path: string, text: string): SourceFile {
  const uncommented = text.replaceAll(/\/\*[\s\S]*?\*\//g, ' ').replaceAll(/(^|[\s;,{}()])\/\/.*$/gm, '$1');
  const specifiers = [...uncommented.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? '');
  // Data beside a file import nothing.
  const code = specifiers.filter((specifier) => !specifier.endsWith('.json'));
  const imports = code.map((specifier): SourceImport => {
    return { specifier, target: specifier.startsWith('.') ? join(dirname(path), specifier) : null };
  });
  return { path, imports, code: uncommented.replaceAll(/'[^'\n]*'|"[^"\n]*"/g, "''") };
}

/** The package that a specifier belongs to: `@bull-board/api/x` is of `@bull-board/api`. */
export function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
