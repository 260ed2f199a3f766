/**
 * Adds what slows an account down beyond its limits: the breaker, and WhatsApp's own capping. An older daemon may run
 * beside it: it sends at its own pace.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table account_pace (
      account_id uuid primary key,
      breaker text not null default 'closed',
      opened_at timestamptz,
      opened_by text,
      capping jsonb,
      capping_until timestamptz,
      updated_at timestamptz not null default now()
    )`.execute(db);
}
