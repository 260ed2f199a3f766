import type { CopyReport } from '../vault/copy-reports.ts';
import type { KeyNeed } from '../vault/snapshot-index.ts';
import type { ErrorBody } from './error-answer.ts';
import { copyReportToView, OUTCOMES } from './vault-view.ts';

export interface UpkeepRun {
  /** Accounts that are looked at. */
  readonly accounts: number;
  /** What the summary tells beside the counts, asked for at the end. */
  readonly conclude: () => Promise<{ readonly otherKeys?: readonly KeyNeed[] }>;
  /** The last line of a run that fails. */
  readonly onFailure: (thrown: unknown) => ErrorBody;
}

/**
 * The answer of a long work on copies, a JSON document a line, each as soon as its copy is done: `{total}` first, then
 * the copies, at the end `{summary}`, or the error that ended it. The work stops when nobody reads on.
 */
export async function* reportsToLines(
  reports: AsyncIterable<CopyReport>,
  { accounts, conclude, onFailure }: UpkeepRun,
): AsyncGenerator<string> {
  yield toLine({ total: accounts });
  const outcomes = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0]));
  let copies = 0;
  try {
    for await (const report of reports) {
      copies += 1;
      outcomes[report.outcome] = (outcomes[report.outcome] ?? 0) + 1;
      yield toLine(copyReportToView(report));
    }
    yield toLine({ summary: { accounts, copies, outcomes, ...(await conclude()) } });
  } catch (thrown) {
    yield toLine(onFailure(thrown));
  }
}

function toLine(document: object): string {
  return `${JSON.stringify(document)}\n`;
}
