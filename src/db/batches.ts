/** How much one call deletes at most: work that is left is done by the next, and a daemon that stops waits for none for long. */
export interface Portion {
  /** Rows of one transaction. */
  readonly rows: number;
  readonly transactions: number;
}

/** Deletes in transactions of a bounded size, each by `deleteRows`, until one finds fewer than that. Returns how many rows. */
export async function deleteInBatches(
  { rows, transactions }: Portion,
  deleteRows: (limit: number) => Promise<number>,
): Promise<number> {
  let deleted = 0;
  for (let transaction = 0; transaction < transactions; transaction += 1) {
    const count = await deleteRows(rows);
    deleted += count;
    if (count < rows) break;
  }
  return deleted;
}
