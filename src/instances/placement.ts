import type { AccountId, InstanceId } from '../accounts/ids.ts';

/** An account that is wanted, and that nobody holds. */
export interface FreeAccount {
  readonly accountId: AccountId;
  /** The instance that held it last, whose disk has its profile. */
  readonly lastHeldBy: InstanceId | null;
  /** It came to rest with that one for want of something that it would still lack. */
  readonly restsThere: boolean;
}

/** A run that is alive, and its room. */
export interface Seats {
  readonly run: number;
  readonly instanceId: InstanceId;
  readonly capacity: number;
  /** Accounts that it holds. */
  readonly held: number;
  /** It takes nothing more. */
  readonly isDraining: boolean;
}

/**
 * Deals free accounts out, each to at most one run and to none beyond its capacity: first to the instance that held it last,
 * then to whichever has the largest share of its capacity free, of equals the older. None goes back to where it rests
 * for want of something. Whoever sees the same gets the same, whatever the order of the runs.
 */
export function dealAccounts(
  free: readonly FreeAccount[],
  runs: readonly Seats[],
): ReadonlyMap<AccountId, number> {
  const takers = runs
    .filter(({ isDraining }) => !isDraining)
    .toSorted((one, other) => one.run - other.run)
    .map((seats) => ({ seats, held: seats.held }));
  const dealt = new Map<AccountId, number>();
  const deal = (account: FreeAccount, taker: Taker | undefined) => {
    if (taker === undefined) return;
    taker.held += 1;
    dealt.set(account.accountId, taker.seats.run);
  };
  for (const account of free) {
    const home = takers.find(({ seats }) => seats.instanceId === account.lastHeldBy);
    if (home !== undefined && isOpenTo(account, home)) deal(account, home);
  }
  for (const account of free) {
    if (!dealt.has(account.accountId)) deal(account, findEmptiest(account, takers));
  }
  return dealt;
}

/**
 * What a run is to take of that: what is dealt to it, and as far as there is room what those leave lying to whom it is
 * dealt. `isOverdue` says so of an account.
 */
export function listDue(
  run: number,
  free: readonly FreeAccount[],
  runs: readonly Seats[],
  isOverdue: (accountId: AccountId) => boolean,
): readonly AccountId[] {
  const seats = runs.find((each) => each.run === run);
  if (seats === undefined || seats.isDraining) return [];
  const dealt = dealAccounts(free, runs);
  const own = free.filter(({ accountId }) => dealt.get(accountId) === run);
  const taker = { seats, held: seats.held + own.length };
  const left = free.filter((account) => {
    if (dealt.get(account.accountId) === run || !isOverdue(account.accountId)) return false;
    if (!isOpenTo(account, taker)) return false;
    taker.held += 1;
    return true;
  });
  return [...own, ...left].map(({ accountId }) => accountId);
}

/** A run, and what it will hold after what was dealt so far. */
interface Taker {
  readonly seats: Seats;
  held: number;
}

function isOpenTo(account: FreeAccount, { seats, held }: Taker): boolean {
  const wasRefused = account.restsThere && account.lastHeldBy === seats.instanceId;
  return held < seats.capacity && !wasRefused;
}

function findEmptiest(account: FreeAccount, takers: readonly Taker[]): Taker | undefined {
  let best: Taker | undefined;
  for (const taker of takers) {
    if (!isOpenTo(account, taker)) continue;
    if (best === undefined || freeShare(taker) > freeShare(best)) best = taker;
  }
  return best;
}

function freeShare({ seats, held }: Taker): number {
  return (seats.capacity - held) / seats.capacity;
}
