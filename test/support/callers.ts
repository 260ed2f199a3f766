/** Makes `count` calls, so many at a time; resolves with what they came to, in their order. */
export async function callSideBySide<T>(
  { count, callers }: { readonly count: number; readonly callers: number },
  call: (index: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const work = async () => {
    while (next < count) {
      const index = next;
      next += 1;
      results[index] = await call(index);
    }
  };
  await Promise.all(Array.from({ length: callers }, work));
  return results;
}
