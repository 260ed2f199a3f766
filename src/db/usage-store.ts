import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { Executor } from './database.ts';
import { type Page, type PageRequest, rowsToPage } from './keyset.ts';

/** What an account did on a date of its time zone. */
export interface DayUsage {
  /** YYYY-MM-DD. */
  readonly date: string;
  readonly sent: number;
  readonly received: number;
  readonly failed: number;
  readonly deferred: number;
}

/** Dates as YYYY-MM-DD, both inclusive. */
export interface DateRange {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Adds one, or `by`, to a counter of the account, on the date that it is in the account's time zone at the instant `at`. */
export async function countUsage(
  db: Executor,
  accountId: AccountId,
  counter: 'sent' | 'failed' | 'deferred',
  at: Date,
  by = 1,
): Promise<void> {
  const column = sql.ref(counter);
  await sql`
    insert into account_usage as old (account_id, local_date, ${column})
    select id, (${at}::timestamptz at time zone timezone)::date, ${by}::integer from accounts where id = ${accountId}::uuid
    on conflict (account_id, local_date) do update set ${column} = old.${column} + excluded.${column}`.execute(
    db,
  );
}

/**
 * The account's days from its creation to its local date at the instant `now`, newest first; days without traffic too.
 * A position is the first instant of its day in UTC.
 */
export async function listUsage(
  db: Executor,
  accountId: AccountId,
  { from, to }: DateRange,
  { limit, after, now }: PageRequest & { readonly now: Date },
): Promise<Page<DayUsage>> {
  const before = after?.at?.slice(0, 10) ?? null;
  const { rows } = await sql<DayUsage>`
    with life as (
      select
        least((created_at at time zone timezone)::date, (${now}::timestamptz at time zone timezone)::date, first) as first,
        greatest((${now}::timestamptz at time zone timezone)::date, last) as last
      from accounts, (
        select min(local_date) as first, max(local_date) as last
        from account_usage where account_id = ${accountId}::uuid
      ) used
      where id = ${accountId}::uuid
    ), shown as (
      select greatest(first, ${from ?? null}::date) as first,
        least(last, ${to ?? null}::date, ${before}::date - 1) as last
      from life
    ), days as (
      select generate_series(greatest(first, last - ${limit}::integer), last, '1 day')::date as date from shown
    )
    select date::text, coalesce(sent, 0) as sent, coalesce(received, 0) as received,
      coalesce(failed, 0) as failed, coalesce(deferred, 0) as deferred
    from days left join lateral (
      select sent, received, failed, deferred from account_usage
      where account_id = ${accountId}::uuid and local_date = date
      -- Keeps it from becoming a join with all days of all accounts.
      limit 1
    ) used on true
    order by date desc limit ${limit + 1}`.execute(db);
  return rowsToPage(rows, limit, {
    item: (row) => row,
    position: ({ date }) => ({ at: `${date}T00:00:00.000000Z`, tie: '0' }),
  });
}
