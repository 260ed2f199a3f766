/**
 * Adds the history of each account's session (states and alerts), and pairing by code. An older daemon may run beside
 * it: it writes no history and pairs by QR.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table session_events (
      id bigint generated always as identity primary key,
      account_id uuid not null,
      at timestamptz not null default clock_timestamp(),
      kind text not null,
      state text,
      reason text,
      attempt integer,
      text text,
      instance_id text
    )`.execute(db);
  await sql`create index session_events_by_account on session_events (account_id, id)`.execute(db);
  await sql`create index session_events_by_age on session_events (at)`.execute(db);
  await sql`alter table accounts
    add column pairing text not null default 'qr',
    add column pairing_code text,
    add column pairing_code_expires_at timestamptz`.execute(db);
}
