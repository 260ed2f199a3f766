/**
 * Adds how far the log of changes was told on, by chat, and which entries of the accounts' history were; when somebody
 * last read; and what users were last told of an account's health and of its daily limit. An older daemon may run beside it: what it
 * writes is told on as well, but for health and limits.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  'alter table chats add column told_seq bigint not null default 0',
  'update chats set told_seq = last_seq where last_seq > 0',
  // Of a value that seldom changes, so that counting one more change of a chat that is behind already writes no index.
  'alter table chats add column is_behind boolean not null generated always as (told_seq < last_seq) stored',
  'create index chats_behind on chats (account_id, chat_id) where is_behind',

  'alter table session_events add column told boolean not null default true, add column data jsonb',
  'alter table session_events alter column told set default false',
  'create index session_events_to_tell on session_events (id) where not told',

  `create table change_feed (
    name text primary key,
    read_at timestamptz
  )`,
  "insert into change_feed (name) values ('messages')",

  `alter table accounts
    add column told_health text not null default 'Healthy',
    add column told_limit integer not null default 0,
    add column told_limit_on date`,
];
