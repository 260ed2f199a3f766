/**
 * What is derived of an account and told when it changes: its health, and how much of its daily limit is used. What was told
 * last stands in the account's row and changes in the transaction that writes down what is to be told: whoever looks, and
 * however often, on whatever instance, each change is told once, also if a daemon was killed before it could look.
 */
import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { HealthStatus } from '../accounts/state.ts';
import { isKept } from './account-row.ts';
import type { Executor } from './database.ts';
import { noteNews, transact } from './transaction.ts';

/** How much of a day's limit is used. */
export interface DayUse {
  readonly sentToday: number;
  readonly dailyLimit: number;
}

/** What is entered as `data` of `health`. */
export interface HealthNews extends DayUse {
  readonly health: HealthStatus;
}

/** What is entered as `data` of `limit`. */
export interface LimitNews extends DayUse {
  /** One of LIMIT_LEVELS. */
  readonly percent: number;
}

/** Enters a change of health, unless it is what was told last. True if it was entered. */
export async function enterHealth(db: Executor, accountId: AccountId, news: HealthNews): Promise<boolean> {
  return transact(db, async (trx) => {
    const row = await trx
      .updateTable('accounts')
      .set({ told_health: news.health })
      .where('id', '=', accountId)
      .where(isKept)
      .where('told_health', '<>', news.health)
      .returning('instance_id')
      .executeTakeFirst();
    if (row === undefined) return false;
    await enter(trx, accountId, { kind: 'health', data: news, instanceId: row.instance_id });
    return true;
  });
}

/**
 * Enters that a level of the daily limit was reached, unless that or a higher one was told on the account's local date. With
 * a level of 0, or a lower one, it only notes that the use fell, so that its next rise is told. True if it was entered.
 */
export async function enterLimit(db: Executor, accountId: AccountId, news: LimitNews): Promise<boolean> {
  return transact(db, async (trx) => {
    const today = sql<string>`(now() at time zone timezone)::date`;
    const before = await trx
      .selectFrom('accounts')
      .select([
        'instance_id',
        sql<number>`case when told_limit_on = ${today} then told_limit else 0 end`.as('told'),
      ])
      .where('id', '=', accountId)
      .where(isKept)
      .forUpdate()
      .executeTakeFirst();
    if (before === undefined || before.told === news.percent) return false;
    await trx
      .updateTable('accounts')
      .set({ told_limit: news.percent, told_limit_on: today })
      .where('id', '=', accountId)
      .execute();
    if (news.percent < before.told) return false;
    await enter(trx, accountId, { kind: 'limit', data: news, instanceId: before.instance_id });
    return true;
  });
}

async function enter(
  trx: Executor,
  accountId: AccountId,
  entry: { readonly kind: 'health' | 'limit'; readonly data: object; readonly instanceId: string | null },
): Promise<void> {
  noteNews(trx);
  await trx
    .insertInto('session_events')
    .values({
      account_id: accountId,
      kind: entry.kind,
      state: null,
      reason: null,
      attempt: null,
      text: null,
      instance_id: entry.instanceId,
      data: JSON.stringify(entry.data),
    })
    .execute();
}
