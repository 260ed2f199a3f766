import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { Executor } from './database.ts';

/**
 * Why an account was caught up: it has just become connected; events of it were dropped or lost; a store is back; or the
 * run before could not read everything.
 */
export type CatchUpCause = 'ready' | 'gap' | 'redis' | 'database' | 'retry';

/** What a run came to. Times are milliseconds since the epoch. */
export interface CatchUpOutcome {
  /** How far back it read; null if there was nothing to read. */
  readonly from: number | null;
  /** Messages and changes that the database lacked. */
  readonly found: number;
  readonly chats: number;
  readonly unread: number;
  readonly endedAt: number;
}

const KEPT = '90 days';

/** Writes down that a run has begun. Returns its id, by which what it finds is counted as it is stored. */
export async function insertCatchUp(
  db: Executor,
  accountId: AccountId,
  { cause, startedAt }: { readonly cause: CatchUpCause; readonly startedAt: number },
): Promise<string> {
  const at = new Date(startedAt);
  const { id } = await db
    .insertInto('catch_ups')
    .values({ account_id: accountId, cause, to_at: at, started_at: at })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** Counts what was new of a run's finds, in the transaction that stores them. */
export async function countStoredFinds(trx: Executor, id: string, stored: number): Promise<void> {
  await sql`update catch_ups set stored = stored + ${stored}::integer where id = ${id}::bigint`.execute(trx);
}

/** Writes down what a run came to, once all that it found is stored. */
export async function finishCatchUp(db: Executor, id: string, outcome: CatchUpOutcome): Promise<void> {
  const { from, found, chats, unread, endedAt } = outcome;
  await db
    .updateTable('catch_ups')
    .set({
      from_at: from === null ? null : new Date(from),
      found,
      chats,
      unread,
      ended_at: new Date(endedAt),
    })
    .where('id', '=', id)
    .execute();
}

/** Deletes entries that are of no use any more. Returns how many. */
export async function deleteOldCatchUps(db: Executor): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('catch_ups')
    .where('started_at', '<', sql<Date>`now() - ${KEPT}::interval`)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
