/**
 * Adds to webhooks all secrets that sign beside the newest, instead of one. An older daemon may run beside it: the one before
 * the newest stays where it was as well, for it alone, and is to be dropped by a later version.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  "alter table webhooks add column earlier_secrets jsonb not null default '[]'",
  `update webhooks set earlier_secrets = jsonb_build_array(jsonb_build_object(
      'sealed', replace(encode(sealed_previous, 'base64'), chr(10), ''), 'until', previous_until))
    where sealed_previous is not null and previous_until > now()`,
];
