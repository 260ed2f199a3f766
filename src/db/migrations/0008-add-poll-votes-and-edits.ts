/**
 * Adds the votes of polls, and every version of the messages that were edited. An older daemon may run beside it: it
 * keeps no votes and the last version alone.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table poll_votes (
      message_id uuid not null,
      account_id uuid not null,
      voter_id text not null,
      options jsonb not null,
      voted_at timestamptz not null,
      primary key (message_id, voter_id)
    )`.execute(db);
  await sql`create index poll_votes_by_account on poll_votes (account_id)`.execute(db);
  await sql`
    create table message_edits (
      message_id uuid not null,
      account_id uuid not null,
      edited_at timestamptz not null,
      text text,
      primary key (message_id, edited_at)
    )`.execute(db);
  await sql`create index message_edits_by_account on message_edits (account_id)`.execute(db);
}
