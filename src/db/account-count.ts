import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { Executor } from './database.ts';
import { lockAccountIngest } from './ingest-statements.ts';
import { transact } from './transaction.ts';

/**
 * How many messages, contacts and campaigns the account has. Messages are not counted here but as they are written and
 * deleted; contacts and campaigns are.
 */
export async function countOfAccount(
  db: Executor,
  id: AccountId,
): Promise<{ readonly messages: number; readonly contacts: number; readonly campaigns: number }> {
  const [messages, contacts, campaigns] = await Promise.all([
    db
      .selectFrom('message_counts')
      .where('account_id', '=', id)
      .select(sql<string>`coalesce(sum(added), 0)`.as('count'))
      .executeTakeFirstOrThrow(),
    db
      .selectFrom('contacts')
      .where('account_id', '=', id)
      .select(({ fn }) => fn.countAll<string>().as('count'))
      .executeTakeFirstOrThrow(),
    db
      .selectFrom('campaigns')
      .where('account_id', '=', id)
      .select(({ fn }) => fn.countAll<string>().as('count'))
      .executeTakeFirstOrThrow(),
  ]);
  return {
    messages: Number(messages.count),
    contacts: Number(contacts.count),
    campaigns: Number(campaigns.count),
  };
}

/**
 * Makes one row of the rows that count an account's messages, for every account that has several. Returns how many rows
 * that saves. Repeating it, also at the same time, changes no sum.
 */
export async function foldMessageCounts(db: Executor): Promise<number> {
  const { rows } = await sql<{ account_id: string }>`
    select account_id from message_counts group by account_id having count(*) > 1`.execute(db);
  let saved = 0;
  for (const { account_id } of rows) saved += await foldCountsOf(db, account_id as AccountId);
  return saved;
}

async function foldCountsOf(db: Executor, accountId: AccountId): Promise<number> {
  return transact(db, async (trx) => {
    // Else what is written here could outlive a purge.
    await lockAccountIngest(trx, accountId);
    const { rows } = await sql<{ count: number }>`
      with gone as (
        delete from message_counts where account_id = ${accountId}::uuid returning added
      ), kept as (
        insert into message_counts (account_id, added)
        select ${accountId}::uuid, sum(added) from gone having count(*) > 0
      )
      select count(*)::integer as count from gone`.execute(trx);
    return Math.max(0, (rows[0]?.count ?? 0) - 1);
  });
}
