/** How much one call does at most: work that is left is done by the next, and a daemon that stops waits for none for long. */
export interface Portion {
  /** Rows of one transaction. */
  readonly rows: number;
  readonly transactions: number;
}

/** Works on rows in transactions of a bounded size, each by `workOnRows`, until one finds fewer than that. Returns how many. */
export async function workInBatches(
  { rows, transactions }: Portion,
  workOnRows: (limit: number) => Promise<number>,
): Promise<number> {
  let done = 0;
  for (let transaction = 0; transaction < transactions; transaction += 1) {
    const count = await workOnRows(rows);
    done += count;
    if (count < rows) break;
  }
  return done;
}
