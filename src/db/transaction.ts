import { findSqlState } from './data-error.ts';
import type { Executor } from './database.ts';
import { isUnprepared } from './preparing-client.ts';

const DEADLOCK_DETECTED = '40P01';
/** Times that a transaction is tried: whoever ends it goes on, so that each further try is less likely to be needed. */
const TRIES = 5;

/** Transactions, open or over, that have written what is to be told on. */
const withNews = new WeakSet<Executor>();

/** Who is called once a transaction with news was committed, by the database that it was begun on. */
const newsListeners = new WeakMap<Executor, Set<() => void>>();

/**
 * Does the work in one transaction. Where others lock what it locks in another order PostgreSQL ends one of them, whose
 * work is done again from its beginning: it must leave nothing outside the database. So it is where one of its statements was
 * prepared before the schema changed.
 */
export async function transact<T>(db: Executor, work: (trx: Executor) => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await transactOnce(db, work);
    } catch (thrown) {
      if (tried === TRIES || !mayBeDoneAgain(thrown)) throw thrown;
    }
  }
}

/** The same for work that reaches outside the database: it is never done again. */
export async function transactOnce<T>(db: Executor, work: (trx: Executor) => Promise<T>): Promise<T> {
  let hasNews = false;
  const result = await db.transaction().execute(async (trx) => {
    const done = await work(trx);
    hasNews = withNews.has(trx);
    return done;
  });
  if (hasNews) for (const listener of newsListeners.get(db) ?? []) listener();
  return result;
}

function mayBeDoneAgain(thrown: unknown): boolean {
  return findSqlState(thrown) === DEADLOCK_DETECTED || isUnprepared(thrown);
}

/** Says that the transaction, one of `transact`, has written what is to be told on once it is committed. */
export function noteNews(trx: Executor): void {
  withNews.add(trx);
}

/**
 * Calls the listener after each commit of this process on that database that had news; it returns at once and never
 * throws. The returned function ends that.
 */
export function onNews(db: Executor, listener: () => void): () => void {
  const listeners = newsListeners.get(db) ?? new Set();
  newsListeners.set(db, listeners);
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
