import { findSqlState } from './data-error.ts';
import type { Executor } from './database.ts';
import { isUnprepared } from './preparing-client.ts';

const DEADLOCK_DETECTED = '40P01';
/** Times that a transaction is tried: whoever ends it goes on, so that each further try is less likely to be needed. */
const TRIES = 5;

/**
 * Does the work in one transaction. Where others lock what it locks in another order PostgreSQL ends one of them, whose
 * work is done again from its beginning: it must leave nothing outside the database. So it is where one of its statements was
 * prepared before the schema changed.
 */
export async function transact<T>(db: Executor, work: (trx: Executor) => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await db.transaction().execute(work);
    } catch (thrown) {
      if (tried === TRIES || !mayBeDoneAgain(thrown)) throw thrown;
    }
  }
}

function mayBeDoneAgain(thrown: unknown): boolean {
  return findSqlState(thrown) === DEADLOCK_DETECTED || isUnprepared(thrown);
}
