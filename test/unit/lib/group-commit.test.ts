import { expect, it } from 'vitest';
import { GroupCommit } from '../../../src/lib/group-commit.ts';

/** A flush that ends when the test says so. */
function makeFlush() {
  const flushes: { items: readonly number[]; end: PromiseWithResolvers<void> }[] = [];
  const flush = (items: readonly number[]) => {
    const end = Promise.withResolvers<void>();
    flushes.push({ items, end });
    return end.promise;
  };
  return { flushes, flush };
}

it('flushes at once when it rests, and together what came meanwhile', async () => {
  const { flushes, flush } = makeFlush();
  const group = new GroupCommit(flush, { max: 3 });
  const added = [1, 2, 3, 4, 5].map((item) => group.add(item));
  expect(flushes.map(({ items }) => items)).toEqual([[1]]);
  flushes[0]?.end.resolve();
  await added[0];
  expect(flushes.map(({ items }) => items)).toEqual([[1], [2, 3, 4]]);
  flushes[1]?.end.resolve();
  await added[3];
  flushes[2]?.end.resolve();
  await Promise.all(added);
  expect(flushes.map(({ items }) => items)).toEqual([[1], [2, 3, 4], [5]]);
});

it('tells those alone of a failure whose flush it was, and goes on', async () => {
  const { flushes, flush } = makeFlush();
  const group = new GroupCommit(flush, { max: 3 });
  const [first, second] = [group.add(1), group.add(2)];
  flushes[0]?.end.reject(new Error('away'));
  await expect(first).rejects.toThrow('away');
  flushes[1]?.end.resolve();
  await second;
  const third = group.add(3);
  flushes[2]?.end.resolve();
  await third;
});
