/**
 * Adds campaigns with their items, and to idempotency keys the answers of requests that are no single send. An older daemon
 * beside it would take the key of such a request for an abandoned one after a minute.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  'alter table idempotency_keys add column answer jsonb',

  `create table campaigns (
    id uuid primary key,
    account_id uuid not null,
    name text not null,
    status text not null,
    total integer not null,
    created_at timestamptz not null default now(),
    ended_at timestamptz
  )`,
  'create index campaigns_by_account on campaigns (account_id, created_at, id)',
  `create index campaigns_running on campaigns (account_id, created_at, id) where status = 'running'`,

  `create table campaign_items (
    campaign_id uuid not null,
    n integer not null,
    account_id uuid not null,
    recipient text not null,
    request text,
    state text not null default 'waiting',
    message_id uuid,
    accepted_at timestamptz,
    failed_code text,
    failed_reason text,
    primary key (campaign_id, n)
  )`,
  'create index campaign_items_by_account on campaign_items (account_id)',
  'create unique index campaign_items_by_message on campaign_items (message_id) where message_id is not null',
  `create index campaign_items_waiting on campaign_items (campaign_id, n) where state = 'waiting'`,
];
