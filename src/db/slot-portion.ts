import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import { AppError } from '../lib/errors.ts';
import { type FullDay, roomOf } from '../limits/daily-limit.ts';
import type { MessageChange } from './change-log.ts';
import type { Executor } from './database.ts';
import { type DayRow, dealSlots, lockLimits, today } from './slot-store.ts';

/** What a portion of messages that asks for slots is told: the first `taken` of them have one of the date. */
export interface SlotPortion {
  readonly date: string;
  readonly taken: number;
  /** What those are told that have none. */
  readonly day: FullDay;
}

/**
 * Takes as many slots of the account's local date at the instant `at` as there are, at most `count`, for messages that are
 * written in the same transaction, in their order; as `takeSlot` does for one. The day's row stays locked until the
 * transaction ends. `mayDefer`: messages that get none wait, so no room that comes up meanwhile may pass them by.
 * @throws AppError ACCOUNT_NOT_FOUND if the account was purged
 */
export async function takeSlots(
  trx: Executor,
  accountId: AccountId,
  { count, mayDefer, at }: { readonly count: number; readonly mayDefer: boolean; readonly at: Date },
  changes: MessageChange[],
): Promise<SlotPortion> {
  if (mayDefer) await lockLimits(trx, accountId);
  const day = (await lockOpenDay(trx, accountId, at)) ?? (await openDay(trx, accountId, at, changes));
  const taken = Math.min(count, roomOf(day));
  if (taken > 0) {
    await sql`
      update account_usage set taken = taken + ${taken}::integer
      where account_id = ${accountId}::uuid and local_date = ${day.date}::date`.execute(trx);
  }
  return { date: day.date, taken, day: { dailyLimit: day.allowed, nextAt: day.next_at } };
}

type OpenDay = Pick<DayRow, 'date' | 'next_at'> & { readonly taken: number; readonly allowed: number };

/** Undefined if the date's slots were not dealt out yet; then nothing is locked. */
async function lockOpenDay(trx: Executor, accountId: AccountId, at: Date): Promise<OpenDay | undefined> {
  const { rows } = await sql<OpenDay>`
    select t.date::text, t.next_at, u.taken, u.allowed
    from ${today(accountId, at)} t
    join account_usage u on u.account_id = t.account_id and u.local_date = t.date
    where u.allowed is not null
    for update of u`.execute(trx);
  return rows[0];
}

async function openDay(
  trx: Executor,
  accountId: AccountId,
  at: Date,
  changes: MessageChange[],
): Promise<OpenDay> {
  await lockLimits(trx, accountId);
  await dealSlots(trx, accountId, at, changes);
  const day = await lockOpenDay(trx, accountId, at);
  if (day === undefined) throw new AppError('ACCOUNT_NOT_FOUND');
  return day;
}
