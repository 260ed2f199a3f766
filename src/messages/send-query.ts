import { withDeadline } from '../lib/abort.ts';
import { AppError, isAppError } from '../lib/errors.ts';

/** How long the database may take to answer the sender before it counts as away; milliseconds. */
const QUERY_DEADLINE_MS = 15_000;

/** @throws AppError UNAVAILABLE if the database does not answer in time; and what it throws */
export async function query<T>(work: Promise<T>): Promise<T> {
  try {
    return await withDeadline(work, QUERY_DEADLINE_MS, 'The database');
  } catch (thrown) {
    if (!isAppError(thrown, 'SESSION_DEADLINE')) throw thrown;
    throw new AppError('UNAVAILABLE', { message: thrown.message, cause: thrown });
  }
}
