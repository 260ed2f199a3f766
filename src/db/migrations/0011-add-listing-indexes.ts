/**
 * Adds what listings need to look at little more than they show: indexes for each of their conditions, and the number of
 * messages of each account as sums that triggers write. An older daemon may run beside it.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // Listings of both directions merge two ranges.
  'drop index messages_newest',
  'drop index messages_newest_of_chat',
  'create index messages_newest on messages (account_id, direction, "timestamp" desc, seq desc)',
  `create index messages_newest_of_chat on messages
    (account_id, chat_id, direction, "timestamp" desc, seq desc)`,
  `create index messages_newest_of_status on messages
    (account_id, status, direction, "timestamp" desc, seq desc)`,
  `create index messages_newest_of_chat_status on messages
    (account_id, chat_id, status, direction, "timestamp" desc, seq desc)`,

  'drop index accounts_by_tenant',
  'create index accounts_by_tenant on accounts (tenant_id, created_at, id) where deleted_at is null',

  // Rows are added and never changed, so that those who write messages of one account do not wait for one another.
  `create table message_counts (
    id bigint generated always as identity primary key,
    account_id uuid not null,
    added bigint not null
  )`,
  'create index message_counts_by_account on message_counts (account_id) include (added)',
  `insert into message_counts (account_id, added)
    select account_id, count(*) from messages group by account_id`,
  `create function count_messages() returns trigger language plpgsql as $$
  begin
    insert into message_counts (account_id, added)
    select account_id, case tg_op when 'DELETE' then -count(*) else count(*) end
    from changed group by account_id;
    return null;
  end $$`,
  `create trigger messages_inserted after insert on messages
    referencing new table as changed for each statement execute function count_messages()`,
  `create trigger messages_deleted after delete on messages
    referencing old table as changed for each statement execute function count_messages()`,
];
