import { describe, expect, it } from 'vitest';
import { type AccountId, type InstanceId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { dealAccounts, type FreeAccount, listDue, type Seats } from '../../../src/instances/placement.ts';
import { makeRandom, type Random } from '../../support/random.ts';

const name = (run: number): InstanceId => parseInstanceId(`instance-${run}`);
const seats = (run: number, more: Partial<Seats> = {}): Seats => ({
  run,
  instanceId: name(run),
  capacity: 10,
  held: 0,
  isDraining: false,
  ...more,
});
const account = (n: number, lastHeldBy: InstanceId | null = null, restsThere = false): FreeAccount => ({
  accountId: `account-${n}` as AccountId,
  lastHeldBy,
  restsThere,
});
const accounts = (count: number) => Array.from({ length: count }, (_, n) => account(n));
const never = () => false;

/** How many each run gets. */
function counts(free: readonly FreeAccount[], runs: readonly Seats[]): readonly number[] {
  const dealt = [...dealAccounts(free, runs).values()];
  return runs.map(({ run }) => dealt.filter((each) => each === run).length);
}

describe('free accounts', () => {
  it.each([
    ['equally over equals', accounts(9), [seats(1), seats(2), seats(3)], [3, 3, 3]],
    ['to the older of equals first', accounts(1), [seats(2), seats(1)], [0, 1]],
    ['by the share that is free', accounts(6), [seats(1, { capacity: 20 }), seats(2)], [4, 2]],
    ['so that what is held counts', accounts(4), [seats(1, { held: 6 }), seats(2, { held: 2 })], [0, 4]],
    [
      'not beyond what there is room for',
      accounts(5),
      [seats(1, { held: 9 }), seats(2, { capacity: 2 })],
      [1, 2],
    ],
    ['not to one that drains', accounts(2), [seats(1, { isDraining: true }), seats(2)], [0, 2]],
    ['not where there are no seats', accounts(2), [seats(1, { capacity: 0 })], [0]],
    ['to whom they were with', [account(1, name(1))], [seats(1, { held: 9 }), seats(2)], [1, 0]],
    ['elsewhere if that is full', [account(1, name(1))], [seats(1, { held: 10 }), seats(2)], [0, 1]],
    ['not where they rest', [account(1, name(1), true)], [seats(1), seats(2, { held: 9 })], [0, 1]],
  ])('are dealt %s', (_, free, runs, expected) => {
    expect(counts(free, runs)).toEqual(expected);
  });

  it('are taken by another if they are overdue, as far as it has room', () => {
    const free = [account(1, name(1)), account(2, name(2)), account(3, name(2)), account(4, name(2))];
    const runs = [seats(1, { held: 7 }), seats(2)];
    expect(listDue(1, free, runs, never)).toEqual(['account-1']);
    expect(listDue(1, free, runs, (id) => id !== 'account-2')).toEqual([
      'account-1',
      'account-3',
      'account-4',
    ]);
    expect(listDue(1, free, [seats(1, { held: 8 }), seats(2)], () => true)).toEqual([
      'account-1',
      'account-2',
    ]);
    expect(listDue(1, free, [seats(1, { isDraining: true }), seats(2)], () => true)).toEqual([]);
    expect(listDue(3, free, runs, () => true)).toEqual([]);
    expect(listDue(2, [account(1, name(2), true)], [seats(2)], () => true)).toEqual([]);
  });
});

function anything(random: Random): { free: FreeAccount[]; runs: Seats[] } {
  const below = (limit: number) => Math.floor(random.next() * limit);
  const runs = Array.from({ length: 1 + below(6) }, (_, run) =>
    seats(run + 1, { capacity: below(12), held: below(12), isDraining: below(5) === 0 }),
  );
  const free = Array.from({ length: below(60) }, (_, n) =>
    account(n, below(3) === 0 ? null : name(1 + below(8)), below(4) === 0),
  );
  return { free, runs };
}

it('is one deal for all who look, gives nobody more than its room, and leaves nothing that has room', () => {
  for (let seed = 1; seed <= 500; seed += 1) {
    const random = makeRandom(seed);
    const { free, runs } = anything(random);
    const dealt = dealAccounts(free, runs);
    expect(dealAccounts(free, random.shuffle(runs)), `seed ${seed}`).toEqual(dealt);
    const due = runs.flatMap(({ run }) => listDue(run, free, runs, never));
    expect(due.toSorted(), `seed ${seed}`).toEqual([...dealt.keys()].toSorted());
    const after = runs.map((each) => ({ each, got: due.filter((id) => dealt.get(id) === each.run).length }));
    for (const { each, got } of after) {
      const room = each.isDraining ? 0 : Math.max(0, each.capacity - each.held);
      expect(got, `seed ${seed}`).toBeLessThanOrEqual(room);
    }
    const open = after.filter(({ each, got }) => !each.isDraining && each.held + got < each.capacity);
    for (const { accountId, lastHeldBy, restsThere } of free) {
      if (dealt.has(accountId)) continue;
      const others = open.filter(({ each }) => !(restsThere && each.instanceId === lastHeldBy));
      expect(others, `seed ${seed}`).toEqual([]);
    }
  }
});

it('spreads what nobody had over equals so that they differ by one at most', () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = makeRandom(seed);
    const runs = Array.from({ length: 1 + Math.floor(random.next() * 7) }, (_, run) => seats(run + 1));
    const got = counts(accounts(Math.floor(random.next() * 10 * runs.length)), runs);
    expect(Math.max(...got) - Math.min(...got), `seed ${seed}`).toBeLessThanOrEqual(1);
  }
});
