/**
 * Adds how far each chat is caught up, the ledger of catch-ups, and how far the inbound jobs of each run of an account
 * are stored. An older daemon may run beside it: it writes none of them, which only makes the next catch-up read
 * further back.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table chat_watermarks (
      account_id uuid not null,
      chat_id text not null,
      at timestamptz not null,
      mark text not null,
      primary key (account_id, chat_id)
    )`.execute(db);
  await sql`
    create table catch_ups (
      id bigint generated always as identity primary key,
      account_id uuid not null,
      cause text not null,
      from_at timestamptz,
      to_at timestamptz,
      found integer not null default 0,
      stored integer not null default 0,
      chats integer not null default 0,
      unread integer not null default 0,
      started_at timestamptz not null default now(),
      ended_at timestamptz
    )`.execute(db);
  await sql`create index catch_ups_by_account on catch_ups (account_id, id)`.execute(db);
  await sql`create index catch_ups_by_age on catch_ups (started_at)`.execute(db);
  await sql`
    create table inbound_positions (
      account_id uuid not null,
      run text not null,
      next bigint not null default 0,
      updated_at timestamptz not null default now(),
      primary key (account_id, run)
    )`.execute(db);
}
