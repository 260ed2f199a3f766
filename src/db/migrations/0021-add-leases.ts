/**
 * Adds the runs of instances, and to each account the run that holds its session, with the epoch of that lease. A run's row
 * is its lease: where it is deleted, all that it held is free in the same transaction.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  'create sequence instance_runs',
  'create sequence lease_epochs',
  `create table instances (
    run bigint primary key default nextval('instance_runs'),
    instance_id text not null unique,
    process text not null,
    capacity integer not null,
    draining boolean not null default false,
    started_at timestamptz not null default clock_timestamp(),
    renewed_at timestamptz not null default clock_timestamp(),
    lease_until timestamptz not null
  )`,
  `alter table accounts
    add column lease_run bigint references instances (run) on delete set null,
    add column lease_epoch bigint`,
  'create index accounts_by_lease_run on accounts (lease_run) where lease_run is not null',

  `create table session_calls (
    id bigint generated always as identity primary key,
    run bigint not null references instances (run) on delete cascade,
    account_id uuid not null,
    call jsonb not null,
    outcome jsonb,
    asked_at timestamptz not null default clock_timestamp()
  )`,
  'create index session_calls_by_run on session_calls (run, id)',
];
