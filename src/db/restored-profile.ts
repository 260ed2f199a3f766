import type { AccountId } from '../accounts/ids.ts';
import { RESTORED } from '../messages/send-outcome.ts';
import type { Executor } from './database.ts';
import { type LeaseFence, NO_FENCE } from './lease-fence.ts';
import { doubtHanded } from './send-result-store.ts';
import { transact } from './transaction.ts';

/**
 * Call it before the account is connected by a profile that is as it was at `takenAt`. Its page may know nothing of what was
 * handed over since, which may have left: that is written down, so that nobody who is connected by the profile, or by a
 * later snapshot of it, takes absence for a proof. Returns how many messages there are that were not in doubt yet.
 * @throws LeaseLostError if somebody else may have the account by now: nothing is written down then
 */
export function doubtRestored(
  db: Executor,
  accountId: AccountId,
  {
    takenAt,
    at,
    fence = NO_FENCE,
  }: { readonly takenAt: Date; readonly at: Date; readonly fence?: LeaseFence },
): Promise<number> {
  return transact(db, async (trx) => {
    // Nobody takes the account before this is committed.
    const account = trx.selectFrom('accounts').select('id').where('id', '=', accountId);
    const row = await account.where(fence.condition(accountId)).forShare().executeTakeFirst();
    if (row === undefined) await fence.requireGone(trx, accountId);
    return await doubtHanded(trx, accountId, { ...RESTORED, at }, takenAt);
  });
}
