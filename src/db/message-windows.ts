/** A part of time; null where it has no end. `from` is inclusive, `before` is not. */
export interface Window {
  readonly from: Date | null;
  readonly before: Date | null;
}

/**
 * How many months each window reaches back, from where a listing begins: where there is much, a page is full after the
 * first, in one partition; where there is little, each window is twice as long as the one before.
 */
const REACHES = [0, 1, 3, 7, 15, 31] as const;

/**
 * The parts of `range`, newest first, in which the messages of a page are searched one after another. Messages lie in one
 * partition a month, and a question for all of time opens every one of them, however soon the page is full. What `now` is
 * has a say in speed alone.
 */
export function makeWindows(range: Window, now: Date): readonly Window[] {
  const start = range.before !== null && range.before <= now ? new Date(range.before.getTime() - 1) : now;
  // The first holds what clocks that are wrong have dated ahead, too.
  const edges = REACHES.map((months) => monthsBefore(start, months));
  return [...edges, null]
    .map((from, index) => intersect({ from, before: edges[index - 1] ?? null }, range))
    .filter(({ from, before }) => from === null || before === null || from < before);
}

function intersect(a: Window, b: Window): Window {
  return { from: latest(a.from, b.from), before: earliest(a.before, b.before) };
}

function latest(a: Date | null, b: Date | null): Date | null {
  return a === null || (b !== null && b > a) ? b : a;
}

function earliest(a: Date | null, b: Date | null): Date | null {
  return a === null || (b !== null && b < a) ? b : a;
}

/** The first instant of the UTC month that many months before. */
function monthsBefore(at: Date, months: number): Date {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - months, 1));
}
