/** What `work` makes of each item, in their order, at most `limit` of them at a time. Rejects as the first that fails does. */
export async function mapBounded<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const takeAll = async () => {
    for (const [nth, item] of queue) results[nth] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, takeAll));
  return results;
}
