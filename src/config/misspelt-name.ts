/** Names up to this length have so few letters that two changes would make anything of them. */
const SHORT = 5;

/** Names that begin like this are meant for Switchboard, whatever follows. */
const OURS = /^(WHATSAPP|SWITCHBOARD)_/;

/** Who sets a variable: the file, all of which is meant for us, or the environment, most of which is not. */
export type NameSource = '.env' | 'The environment';

/**
 * What to tell about a name that no variable has; undefined if it may well be meant for another program, as is anything in
 * the environment that does not begin like ours, or that the tests and wrappers of this one are told by. Pure.
 */
export function describeStrangeName(
  name: string,
  known: readonly string[],
  source: NameSource = '.env',
): string | undefined {
  if (known.includes(name)) return undefined;
  if (source !== '.env' && !OURS.test(name)) return undefined;
  const upper = name.toUpperCase();
  const [nearest] = known
    .map((each) => ({ name: each, changes: countChanges(upper, each) }))
    .filter((each) => each.changes <= (each.name.length <= SHORT ? 1 : 2))
    .sort((a, b) => a.changes - b.changes);
  if (nearest !== undefined) {
    return `${source} sets ${name}, which Switchboard does not read. Is ${nearest.name} meant?`;
  }
  if (source === '.env' ? !OURS.test(upper) : !upper.startsWith('WHATSAPP_')) return undefined;
  return `${source} sets ${name}, which Switchboard does not read. .env.example lists what it reads.`;
}

/** Letters to put in, take out, replace or swap with their neighbour until `a` is `b`. */
function countChanges(a: string, b: string): number {
  let before: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const next = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwap = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      next[column] = Math.min(
        at(last, column) + 1,
        at(next, column - 1) + 1,
        at(last, column - 1) + (isSame ? 0 : 1),
        isSwap ? at(before, column - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = last;
    last = next;
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
