/**
 * The turn of the day. Days turn by themselves: whoever first touches a date deals its slots out. This does it for
 * accounts that nobody touches, and mends what was missed; so it may run at any time, late, or on several daemons.
 */
import { sql } from 'kysely';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import { appendChanges, type MessageChange } from './change-log.ts';
import type { Executor } from './database.ts';
import { type Deal, dealSlots, lockLimits } from './slot-store.ts';
import { transact } from './transaction.ts';

/**
 * The instance's accounts whose local date at the instant `at` has not begun yet, or has room for messages that are
 * deferred.
 */
export async function listAccountsToTurn(
  db: Executor,
  instanceId: InstanceId,
  at: Date,
): Promise<readonly AccountId[]> {
  const { rows } = await sql<{ id: AccountId }>`
    select a.id from accounts a
    left join account_usage u
      on u.account_id = a.id and u.local_date = (${at}::timestamptz at time zone a.timezone)::date
    where a.deleted_at is null and (a.instance_id = ${instanceId} or a.instance_id is null)
      and (u.allowed is null or u.taken < u.allowed and exists (
        select from messages m
        where m.account_id = a.id and m.direction = 'outgoing' and m.status = 'deferred'))
    order by a.id`.execute(db);
  return rows.map(({ id }) => id);
}

/**
 * Begins the account's local date: its slots go to the messages that wait, and the days that passed without traffic are
 * written. Undefined if the account was purged.
 */
export async function turnDay(db: Executor, accountId: AccountId, at: Date): Promise<Deal | undefined> {
  return transact(db, async (trx) => {
    await lockLimits(trx, accountId);
    const changes: MessageChange[] = [];
    const deal = await dealSlots(trx, accountId, at, changes);
    if (deal !== undefined) await writeQuietDays(trx, accountId, deal.date);
    await appendChanges(trx, accountId, changes);
    return deal;
  });
}

/** A row of zeros for each date between the last one that has any and this one. */
async function writeQuietDays(trx: Executor, accountId: AccountId, date: string): Promise<void> {
  await sql`
    insert into account_usage (account_id, local_date)
    select ${accountId}::uuid, generate_series(max(local_date) + 1, ${date}::date - 1, '1 day')::date
    from account_usage where account_id = ${accountId}::uuid and local_date < ${date}::date
    on conflict do nothing`.execute(trx);
}
