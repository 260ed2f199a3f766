/**
 * Adds the log of what happened to messages, numbered within each chat, which is written in the transaction of the row
 * that changed; the chat's row counts the numbers. An older daemon may run beside it, but its changes are missing from the log.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table message_changes (
      id bigint generated always as identity primary key,
      account_id uuid not null,
      chat_id text not null,
      chat_seq bigint not null,
      message_id uuid not null,
      kind text not null,
      created_at timestamptz not null default now()
    )`.execute(db);
  await sql`
    create unique index message_changes_of_chat on message_changes (account_id, chat_id, chat_seq)`.execute(
    db,
  );
  await sql`alter table chats add column last_seq bigint not null default 0`.execute(db);
  await sql`create index message_changes_by_age on message_changes (created_at)`.execute(db);
}
