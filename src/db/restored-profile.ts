import type { AccountId } from '../accounts/ids.ts';
import { RESTORED } from '../messages/send-outcome.ts';
import type { Executor } from './database.ts';
import { doubtHanded } from './send-result-store.ts';
import { transact } from './transaction.ts';

/**
 * Call it before the account is connected by a profile that is as it was at `takenAt`. Its page may know nothing of what was
 * handed over since, which may have left: that is written down, so that nobody who is connected by the profile, or by a
 * later snapshot of it, takes absence for a proof. Returns how many messages there are that were not in doubt yet.
 */
export function doubtRestored(
  db: Executor,
  accountId: AccountId,
  { takenAt, at }: { readonly takenAt: Date; readonly at: Date },
): Promise<number> {
  return transact(db, (trx) => doubtHanded(trx, accountId, { ...RESTORED, at }, takenAt));
}
