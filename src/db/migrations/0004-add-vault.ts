/**
 * Adds the index of sealed sessions and their copies in the database. An older daemon must not run beside it on the same
 * accounts: it would open profiles that it does not seal.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table vault_snapshots (
      account_id uuid not null,
      generation bigint not null,
      sealed_at timestamptz not null,
      key_id text not null,
      bytes bigint not null,
      copies text[] not null default '{}',
      primary key (account_id, generation)
    )`.execute(db);
  await sql`
    create table vault_chunks (
      account_id uuid not null,
      generation bigint not null,
      number integer not null,
      data bytea not null,
      primary key (account_id, generation, number)
    )`.execute(db);
  // Encrypted bytes do not compress: trying to costs more than it saves.
  await sql`alter table vault_chunks alter column data set storage external`.execute(db);
  await sql`alter table accounts add column vault_wiped_through bigint not null default 0`.execute(db);
}
