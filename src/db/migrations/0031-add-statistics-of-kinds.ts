/**
 * Has it counted which statuses go with which direction in each account. Taken for independent, they let a listing by both look
 * far rarer than it is, and all that a month has of it was read for one page. A daemon that is older makes partitions without.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  'create statistics messages_kinds on account_id, status, direction from messages',
  `do $$
  declare partition name;
  begin
    for partition in
      select relname from pg_inherits join pg_class on pg_class.oid = inhrelid
      where inhparent = 'messages'::regclass
    loop
      execute format('create statistics %I on account_id, status, direction from %I', partition || '_kinds', partition);
    end loop;
  end $$`,
];
