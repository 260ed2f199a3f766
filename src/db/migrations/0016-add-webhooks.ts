/**
 * Adds webhooks: who is subscribed to what, what they are owed, the lanes in which that is delivered, and what users were told
 * of accounts by them. An older daemon may run beside it: what it tells on is lost to webhooks, so let none tell for long.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `create table webhooks (
    id uuid primary key,
    tenant_id text not null,
    account_id uuid,
    url text not null,
    description text,
    events text[] not null,
    status text not null default 'enabled',
    status_since timestamptz not null default now(),
    owed_since timestamptz not null default clock_timestamp(),
    sealed_secret bytea not null,
    sealed_previous bytea,
    previous_until timestamptz,
    failures integer not null default 0,
    failing_since timestamptz,
    rests_until timestamptz,
    created_by text not null,
    created_at timestamptz not null default clock_timestamp()
  )`,
  'create index webhooks_by_tenant on webhooks (tenant_id, created_at, id)',
  'create index webhooks_by_account on webhooks (account_id) where account_id is not null',

  `create table webhook_deliveries (
    id bigint generated always as identity primary key,
    webhook_id uuid not null references webhooks (id) on delete cascade,
    event_id text not null,
    type text not null,
    account_id uuid,
    lane text not null,
    payload text not null,
    created_at timestamptz not null default clock_timestamp(),
    status text not null default 'pending',
    attempts integer not null default 0,
    first_tried_at timestamptz,
    next_try_at timestamptz not null default now(),
    last_tried_at timestamptz,
    last_status integer,
    last_error text,
    ended_at timestamptz,
    unique (webhook_id, event_id)
  )`,
  'create index webhook_deliveries_newest on webhook_deliveries (webhook_id, created_at desc, id desc)',
  'create index webhook_deliveries_newest_of_status on webhook_deliveries (webhook_id, status, created_at desc, id desc)',
  "create index webhook_deliveries_lane on webhook_deliveries (webhook_id, lane, id) where status = 'pending'",
  'create index webhook_deliveries_ended on webhook_deliveries (status, ended_at) where ended_at is not null',
  'create index webhook_deliveries_by_account on webhook_deliveries (account_id)',

  `create table webhook_lanes (
    webhook_id uuid not null references webhooks (id) on delete cascade,
    lane text not null,
    due_at timestamptz not null default now(),
    claimed_until timestamptz,
    claimed_by text,
    primary key (webhook_id, lane)
  )`,
  'create index webhook_lanes_due on webhook_lanes (webhook_id, due_at)',
  'create index webhook_lanes_claimed on webhook_lanes (webhook_id, claimed_until) where claimed_until is not null',

  `create table webhook_account_views (
    account_id uuid primary key,
    event_id bigint not null,
    told_state text,
    told_reason text,
    held_state text,
    held_reason text,
    held_until timestamptz
  )`,
  'create index webhook_account_views_held on webhook_account_views (held_until) where held_until is not null',
];
