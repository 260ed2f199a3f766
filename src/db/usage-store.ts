import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { Executor } from './database.ts';

/** Adds one to a counter of the account, on the date that it is in the account's time zone at the instant `at`. */
export async function countUsage(
  db: Executor,
  accountId: AccountId,
  counter: 'sent' | 'failed',
  at: Date,
): Promise<void> {
  const column = sql.ref(counter);
  await sql`
    insert into account_usage as old (account_id, local_date, ${column})
    select id, (${at}::timestamptz at time zone timezone)::date, 1 from accounts where id = ${accountId}::uuid
    on conflict (account_id, local_date) do update set ${column} = old.${column} + 1`.execute(db);
}

/** Takes one off the counter again that `countUsage` added to at the instant `at`. */
export async function uncountUsage(
  db: Executor,
  accountId: AccountId,
  counter: 'sent' | 'failed',
  at: Date,
): Promise<void> {
  const column = sql.ref(counter);
  await sql`
    update account_usage set ${column} = greatest(${column} - 1, 0)
    where account_id = ${accountId}::uuid and local_date =
      (select (${at}::timestamptz at time zone timezone)::date from accounts where id = ${accountId}::uuid)`.execute(
    db,
  );
}
