import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import { AppError } from '../lib/errors.ts';
import type { Executor } from './database.ts';
import { type LeaseFence, NO_FENCE, selectHeld } from './lease-fence.ts';

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

/**
 * Writes down that a run has begun. Returns its id, by which what it finds is counted as it is stored.
 * @throws LeaseLostError if the fence lets nothing pass; AppError ACCOUNT_NOT_FOUND if the account is gone
 */
export async function insertCatchUp(
  db: Executor,
  accountId: AccountId,
  {
    cause,
    startedAt,
    fence = NO_FENCE,
  }: { readonly cause: CatchUpCause; readonly startedAt: number; readonly fence?: LeaseFence },
): Promise<string> {
  const at = new Date(startedAt);
  const { rows } = await sql<{ id: string }>`
    insert into catch_ups (account_id, cause, to_at, started_at)
    select held.id, ${cause}::text, ${at}::timestamptz, ${at}::timestamptz
    from ${selectHeld(accountId, fence)} held
    returning id`.execute(db);
  const [row] = rows;
  if (row !== undefined) return row.id;
  await fence.requireGone(db, accountId);
  throw new AppError('ACCOUNT_NOT_FOUND');
}

/** Counts what was new of a run's finds, in the transaction that stores them. */
export async function countStoredFinds(trx: Executor, id: string, stored: number): Promise<void> {
  await sql`update catch_ups set stored = stored + ${stored}::integer where id = ${id}::bigint`.execute(trx);
}

/**
 * Writes down what a run came to, once all that it found is stored.
 * @throws LeaseLostError if the fence lets nothing pass
 */
export async function finishCatchUp(
  db: Executor,
  id: string,
  outcome: CatchUpOutcome,
  { accountId, fence = NO_FENCE }: { readonly accountId: AccountId; readonly fence?: LeaseFence },
): Promise<void> {
  const { from, found, chats, unread, endedAt } = outcome;
  const { numAffectedRows } = await sql`
    update catch_ups set from_at = ${from === null ? null : new Date(from)}::timestamptz, found = ${found}::integer,
      chats = ${chats}::integer, unread = ${unread}::integer, ended_at = ${new Date(endedAt)}::timestamptz
    from ${selectHeld(accountId, fence)} held
    where catch_ups.id = ${id}::bigint and catch_ups.account_id = held.id`.execute(db);
  if (numAffectedRows === 0n) await fence.requireGone(db, accountId);
}

/** Deletes entries that are of no use any more. Returns how many. */
export async function deleteOldCatchUps(db: Executor): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('catch_ups')
    .where('started_at', '<', sql<Date>`now() - ${KEPT}::interval`)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
