/**
 * Adds which phone number stands behind a LID, and the contacts and chats of accounts. An older daemon must not run
 * beside it on the same accounts: it would store a chat under its LID whose number is known.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table addresses (
      account_id uuid not null,
      lid text not null,
      phone text not null,
      seen_at timestamptz not null,
      primary key (account_id, lid)
    )`.execute(db);
  await sql`create index addresses_by_phone on addresses (account_id, phone)`.execute(db);
  await sql`
    create table contacts (
      account_id uuid not null,
      contact_id text not null,
      phone_number text,
      name text,
      push_name text,
      is_business boolean not null default false,
      updated_at timestamptz not null default now(),
      primary key (account_id, contact_id)
    )`.execute(db);
  await sql`
    create table chats (
      account_id uuid not null,
      chat_id text not null,
      phone_number text,
      name text,
      last_message_at timestamptz,
      last_incoming_at timestamptz,
      unread integer not null default 0,
      updated_at timestamptz not null default now(),
      primary key (account_id, chat_id)
    )`.execute(db);
  // A chat without a message comes last: the order of both directions of the index.
  await sql`
    create index chats_latest on chats (account_id, last_message_at desc nulls last, chat_id desc)`.execute(
    db,
  );
}
