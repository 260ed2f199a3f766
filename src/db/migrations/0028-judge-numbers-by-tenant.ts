/**
 * Makes a linked number belong to one account of its tenant, instead of all: nobody learns whose customer a number is, and
 * WhatsApp lets one phone have several links. An older daemon may run beside it: it still refuses, when it is asked to connect,
 * a number that another tenant has.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  'drop index accounts_one_per_linked_number',
  'create unique index accounts_one_per_linked_number on accounts (tenant_id, phone_number) where linked',
];
