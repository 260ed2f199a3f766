/**
 * How far the feed of changes was told: batches are counted when they are taken, in the same transaction (change-feed-store.ts),
 * and again when they were told. Where the two differ and nobody reads, the one that read was killed in between.
 */
import { sql } from 'kysely';
import type { Executor } from './database.ts';

/**
 * Says that the batches up to this number were told. It is not waited for the disk: what a server that crashes forgets of it
 * makes clients begin anew that need not.
 */
export async function markTold(db: Executor, number: string): Promise<void> {
  await sql`
    with calm as materialized (select set_config('synchronous_commit', 'off', true))
    update change_feed set told = greatest(told, ${number}::bigint) from calm`.execute(db);
}

/** The number of the last batch, if it was taken and not told. */
export async function findUntold(db: Executor): Promise<string | undefined> {
  const { rows } = await sql<{ taken: string }>`
    select taken::text from change_feed where taken > told`.execute(db);
  return rows[0]?.taken;
}
