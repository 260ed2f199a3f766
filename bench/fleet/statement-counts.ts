import pg from 'pg';

/** What a statement came to since the process began. */
export interface StatementCount {
  readonly count: number;
  /** From being asked to being answered, all together. */
  readonly ms: number;
}

/** A text is told apart by its beginning, blanks made one. */
const TEXT_LENGTH = 120;

type Ask = (...args: unknown[]) => unknown;

/** Counts every statement of this process from now on, on every connection; returns the counts as they grow. */
export function countStatements(): ReadonlyMap<string, StatementCount> {
  const counts = new Map<string, StatementCount>();
  const prototype = pg.Client.prototype as unknown as { query: Ask };
  const { query } = prototype;
  prototype.query = function counted(...args) {
    const since = performance.now();
    const asked: unknown = query.apply(this, args);
    const done = () => add(counts, textOf(args[0]), performance.now() - since);
    if (asked instanceof Promise) asked.then(done, done);
    else done();
    return asked;
  };
  return counts;
}

function add(counts: Map<string, StatementCount>, text: string, ms: number): void {
  const before = counts.get(text) ?? { count: 0, ms: 0 };
  counts.set(text, { count: before.count + 1, ms: before.ms + ms });
}

function textOf(asked: unknown): string {
  const text = typeof asked === 'string' ? asked : (asked as { text?: unknown }).text;
  return String(text).replaceAll(/\s+/g, ' ').trim().slice(0, TEXT_LENGTH);
}
