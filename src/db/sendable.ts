import { type RawBuilder, sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';

/**
 * That the row of `table` is no older than the instant; without one every row is. With it PostgreSQL plans for and opens the
 * partitions from there on alone, instead of all that there are.
 */
export function isSince(since: Date | undefined, table = 'messages'): RawBuilder<boolean> {
  if (since === undefined) return sql<boolean>`true`;
  return sql<boolean>`${sql.ref(`${table}.timestamp`)} >= ${since.toISOString()}::timestamptz`;
}

/**
 * That the row of `messages` waits to be handed over and no message of its chat that was accepted before is deferred; the
 * chats that are blocked are left out. A message that has its bare id already went out by another way and is not ours to
 * send. No message that waits is older than `since`.
 */
export function isSendable(
  accountId: AccountId,
  blockedChats: readonly string[],
  since: Date | undefined,
): RawBuilder<boolean> {
  return sql<boolean>`(${isSince(since)} and messages.account_id = ${accountId}::uuid and messages.direction = 'outgoing'
    and messages.status = 'pending' and messages.handed_at is null and messages.bare_id is null
    and messages.chat_id <> all(${blockedChats}::text[])
    -- Looked up by the chat of each, where "not exists" may read all that is deferred.
    and (
      select true from messages d
      where d.account_id = messages.account_id and d.direction = 'outgoing' and d.status = 'deferred'
        and d.chat_id = messages.chat_id and d.seq < messages.seq and ${isSince(since, 'd')}
      limit 1) is null)`;
}

/** That no message of the chat waits which was accepted before the row of `messages`, deferred or not, nor any older than `since`. */
export function isFirstOfChat(chatId: string, since: Date | undefined): RawBuilder<boolean> {
  return sql<boolean>`not exists (
    select from messages d
    where d.account_id = messages.account_id and d.direction = 'outgoing' and d.status in ('pending', 'deferred')
      and d.handed_at is null and d.bare_id is null and d.chat_id = ${chatId} and d.seq < messages.seq
      and ${isSince(since, 'd')})`;
}
