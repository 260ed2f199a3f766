/**
 * Adds which files of media lost a message or an upload that referred to them, written by triggers, and the indexes by
 * which is found whether anything else does. An older daemon may run beside it: it removes no files.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  'create index messages_by_media on messages (media_sha256) where media_sha256 is not null',
  'create index media_uploads_by_hash on media_uploads (sha256)',

  // A file may be here more than once: so nobody waits for anybody.
  `create table media_leavings (
    id bigint generated always as identity primary key,
    sha256 text not null,
    left_at timestamptz not null default now()
  )`,
  'create index media_leavings_by_age on media_leavings (left_at)',
  'create index media_leavings_by_hash on media_leavings (sha256)',
  `create function note_media_of_messages() returns trigger language plpgsql as $$
  begin
    insert into media_leavings (sha256)
    select distinct media_sha256 from gone where media_sha256 is not null;
    return null;
  end $$`,
  `create trigger messages_left_media after delete on messages
    referencing old table as gone for each statement execute function note_media_of_messages()`,
  `create function note_media_of_uploads() returns trigger language plpgsql as $$
  begin
    insert into media_leavings (sha256) select distinct sha256 from gone;
    return null;
  end $$`,
  `create trigger uploads_left_media after delete on media_uploads
    referencing old table as gone for each statement execute function note_media_of_uploads()`,
];
