/**
 * Adds for how long a tenant's messages are kept. An older daemon may run beside it: it deletes none.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table tenant_settings (
      tenant_id text primary key,
      retention_days integer,
      updated_at timestamptz not null default now()
    )`.execute(db);
}
