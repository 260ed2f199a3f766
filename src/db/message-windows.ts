/** A part of time; null where it has no end. `from` is inclusive, `before` is not. */
export interface Window {
  readonly from: Date | null;
  readonly before: Date | null;
}

/**
 * How far back from where a listing begins its windows end, in months: most pages are full after the first, and a message
 * of years ago costs three questions instead of one.
 */
const REACHES = [1, 13] as const;

/**
 * The parts of `range`, newest first, in which the messages of a page are searched one after another. Messages lie in one
 * partition a month, and a question for all of time opens every one of them, however soon the page is full. What `now` is
 * has a say in speed alone.
 */
export function makeWindows(range: Window, now: Date): readonly Window[] {
  const start = range.before !== null && range.before < now ? range.before : now;
  const edges = REACHES.map((months) => monthsBefore(start, months));
  return [...edges, null]
    .map((edge, index) =>
      intersect({ from: edge, before: index === 0 ? null : (edges[index - 1] ?? null) }, range),
    )
    .filter(({ from, before }) => from === null || before === null || from < before);
}

function intersect(a: Window, b: Window): Window {
  return {
    from: a.from === null || (b.from !== null && b.from > a.from) ? b.from : a.from,
    before: a.before === null || (b.before !== null && b.before < a.before) ? b.before : a.before,
  };
}

/** The first instant of the UTC month that many months before. */
function monthsBefore(at: Date, months: number): Date {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - months, 1));
}
