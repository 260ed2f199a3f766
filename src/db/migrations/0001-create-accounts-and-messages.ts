/**
 * Creates accounts, messages and what stands beside them. The first migration: no older daemon can run beside it.
 *
 * Messages are partitioned by the month of their `timestamp`, which their id carries (see ../message-lookup.ts); months
 * are created ahead by ../partitions.ts, and the default partition takes what lies outside them.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `create table accounts (
    id uuid primary key,
    tenant_id text not null,
    channel text not null default 'whatsapp-web',
    expected_phone_number text,
    phone_number text,
    wid text,
    display_name text,
    profile_name text,
    state text not null default 'registered',
    reason text,
    state_since timestamptz not null default now(),
    wanted boolean not null default false,
    linked boolean not null default false,
    first_linked_at timestamptz,
    instance_id text,
    qr text,
    qr_expires_at timestamptz,
    last_error text,
    daily_limit integer not null,
    timezone text not null,
    is_active boolean not null default true,
    last_connected_at timestamptz,
    last_disconnected_at timestamptz,
    created_at timestamptz not null default now(),
    deleted_at timestamptz
  )`,
  'create index accounts_by_tenant on accounts (tenant_id, created_at, id)',
  'create unique index accounts_one_per_linked_number on accounts (phone_number) where linked',

  'create sequence messages_seq',
  'create sequence claim_epochs',
  `create table messages (
    id uuid not null,
    seq bigint not null default nextval('messages_seq'),
    account_id uuid not null,
    chat_id text not null,
    phone_number text,
    bare_id text,
    whatsapp_message_id text,
    direction text not null,
    author text,
    author_name text,
    type text not null,
    native_type text,
    text text,
    caption text,
    payload jsonb,
    reply_to text,
    media_status text,
    media_sha256 text,
    mime_type text,
    file_name text,
    file_size integer,
    status text not null,
    failed_code text,
    failed_reason text,
    "timestamp" timestamptz not null,
    slot_date date,
    on_limit text,
    lane text,
    claimed_by text,
    claim_epoch bigint,
    handed_at timestamptz,
    unknown_since timestamptz,
    sent_at timestamptz,
    delivered_at timestamptz,
    read_at timestamptz,
    played_at timestamptz,
    edited_at timestamptz,
    revoked_at timestamptz,
    recovered boolean not null default false,
    created_at timestamptz not null default now(),
    primary key (id, "timestamp")
  ) partition by range ("timestamp")`,
  'create table messages_default partition of messages default',
  'alter sequence messages_seq owned by messages.seq',
  'create index messages_newest on messages (account_id, "timestamp" desc, seq desc)',
  'create index messages_newest_of_chat on messages (account_id, chat_id, "timestamp" desc, seq desc)',
  `create index messages_to_send on messages (account_id, seq)
    where direction = 'outgoing' and status = 'pending' and handed_at is null`,
  `create index messages_unsettled on messages (account_id, seq)
    where direction = 'outgoing' and status = 'pending' and handed_at is not null`,
  `create index messages_unknown on messages (account_id, seq) where direction = 'outgoing' and status = 'unknown'`,
  `create index messages_deferred on messages (account_id, seq) where direction = 'outgoing' and status = 'deferred'`,
  `create index messages_handed on messages (account_id, handed_at desc) where direction = 'outgoing' and handed_at is not null`,
  `create index messages_awaiting_media on messages (account_id, seq) where media_status = 'pending'`,

  `create table message_keys (
    account_id uuid not null,
    chat_id text not null,
    bare_id text not null,
    message_id uuid not null,
    primary key (account_id, chat_id, bare_id)
  )`,
  'create index message_keys_by_message on message_keys (message_id)',

  `create table waiting_changes (
    id bigint generated always as identity primary key,
    account_id uuid not null,
    chat_id text not null,
    bare_id text not null,
    event jsonb not null,
    created_at timestamptz not null default now()
  )`,
  'create index waiting_changes_by_key on waiting_changes (account_id, chat_id, bare_id, id)',

  `create table message_reactions (
    message_id uuid not null,
    account_id uuid not null,
    sender_id text not null,
    emoji text not null,
    reacted_at timestamptz not null,
    stored_at timestamptz not null default clock_timestamp(),
    primary key (message_id, sender_id)
  )`,

  `create table rejected_events (
    id bigint generated always as identity primary key,
    account_id uuid not null,
    event jsonb not null,
    error text not null,
    created_at timestamptz not null default now()
  )`,

  `create table account_usage (
    account_id uuid not null,
    local_date date not null,
    sent integer not null default 0,
    received integer not null default 0,
    failed integer not null default 0,
    taken integer not null default 0,
    deferred integer not null default 0,
    allowed integer,
    primary key (account_id, local_date)
  )`,

  `create table media_uploads (
    id uuid primary key,
    account_id uuid not null,
    sha256 text not null,
    mime_type text not null,
    file_name text,
    file_size integer not null,
    created_at timestamptz not null default now()
  )`,

  `create table idempotency_keys (
    account_id uuid not null,
    key text not null,
    request_hash text not null,
    message_id uuid,
    status text,
    claimed_by text,
    created_at timestamptz not null default now(),
    primary key (account_id, key)
  )`,
  'create index idempotency_keys_by_age on idempotency_keys (created_at)',

  `create table api_keys (
    id uuid primary key,
    tenant_id text not null,
    role text not null,
    name text not null,
    prefix text not null,
    sha256 text not null unique,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
  )`,
];
