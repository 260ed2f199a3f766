/**
 * Adds what decides who may do what: scopes, expiry and use of API keys, grants of accounts, and the audit log. Whoever
 * listens on `switchboard_access` is told, with each commit, of whom something changed. An older daemon must not run beside
 * it: a narrowed or expired key would do everything there that its role may.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `alter table api_keys
    add column scopes text[],
    add column expires_at timestamptz,
    add column last_used_at timestamptz,
    add column created_by text`,
  'create index api_keys_by_tenant on api_keys (tenant_id, created_at, id) where revoked_at is null',

  `create table account_grants (
    id bigint generated always as identity,
    account_id uuid not null,
    user_id text not null,
    granted_by text not null,
    granted_at timestamptz not null default now(),
    primary key (account_id, user_id)
  )`,
  'create index account_grants_by_user on account_grants (user_id, account_id)',
  'create index account_grants_oldest on account_grants (account_id, granted_at, id)',

  `create function tell_key_change() returns trigger language plpgsql as $$
  begin
    perform pg_notify('switchboard_access', old.id::text);
    return null;
  end $$`,
  `create trigger api_keys_changed after delete or update of tenant_id, role, scopes, expires_at, revoked_at on api_keys
    for each row execute function tell_key_change()`,
  `create function tell_grant_change() returns trigger language plpgsql as $$
  begin
    perform pg_notify('switchboard_access', case tg_op when 'DELETE' then old.user_id else new.user_id end);
    return null;
  end $$`,
  `create trigger account_grants_changed after insert or delete on account_grants
    for each row execute function tell_grant_change()`,

  `create table audit_log (
    id bigint generated always as identity primary key,
    tenant_id text not null,
    at timestamptz not null default clock_timestamp(),
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    action text not null,
    target text,
    address text not null,
    request_id text not null,
    details jsonb
  )`,
  'create index audit_log_newest on audit_log (tenant_id, at desc, id desc)',
  'create index audit_log_newest_of_actor on audit_log (tenant_id, actor_id, at desc, id desc)',
  'create index audit_log_newest_of_action on audit_log (tenant_id, action, at desc, id desc)',
  `create function keep_audit_log() returns trigger language plpgsql as $$
  begin
    raise exception 'The audit log is append-only.';
  end $$`,
  `create trigger audit_log_is_kept before update or delete or truncate on audit_log
    for each statement execute function keep_audit_log()`,
];
