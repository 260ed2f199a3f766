/**
 * At least these stand on docs/known-faults.md, the list that it began with: facts A1 to A25, faults F1 to F41, and M1 to M8,
 * the ways in which messages around a start get lost.
 */
export const FIRST_FAULTS: readonly string[] = [...range('A', 25), ...range('F', 41), ...range('M', 8)];

/** Needs a disk that can be filled to the last byte, which only the chaos suite has. */
const IN_CHAOS = ['F43'];

/** Whether the unmodified library must be shown to suffer it, and Switchboard not to. */
export function needsBoth(fault: string): boolean {
  return !IN_CHAOS.includes(fault);
}

function range(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${letter}${at + 1}`);
}

/** The numbers that a title has in parentheses, as in "is killed (A10, F7)". */
export function faultsIn(title: string): string[] {
  return [...title.matchAll(/\(([^()]*)\)/g)].flatMap(
    ([, inside = '']) => inside.match(/\b[AFM]\d+\b/g) ?? [],
  );
}

export interface CoverageView {
  /** Titles of the tests of the unmodified library, and of those of Switchboard. */
  readonly bare: readonly string[];
  readonly ours: readonly string[];
  /** docs/known-faults.md */
  readonly page: string;
}

/** What is missing, and what has a number that does not exist, as sentences; none if all is well. */
export function findGaps({ bare, ours, page }: CoverageView): string[] {
  const rows = [...page.matchAll(/^\| ([AFM]\d+) \|/gm)].map(([, fault = '']) => fault);
  const [shown, held] = [new Set(bare.flatMap(faultsIn)), new Set(ours.flatMap(faultsIn))];
  const known = [...new Set([...FIRST_FAULTS, ...rows])];
  const wanted = known.filter(needsBoth);
  return [
    ...wanted
      .filter((fault) => !shown.has(fault))
      .map((fault) => `no test shows the library suffering ${fault}`),
    ...wanted
      .filter((fault) => !held.has(fault))
      .map((fault) => `no test shows Switchboard holding against ${fault}`),
    ...[...new Set([...known, ...shown, ...held])]
      .filter((fault) => !rows.includes(fault))
      .map((fault) => `the page says nothing of ${fault}`),
  ];
}
