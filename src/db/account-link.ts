import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import { LINKED_ANEW } from '../messages/send-outcome.ts';
import { isKept } from './account-row.ts';
import type { Executor } from './database.ts';
import { leaveNumber } from './number-change.ts';
import { doubtHanded } from './send-result-store.ts';

/**
 * Call it in the transaction that stores that an account is linked, before that. If it was not, the link is a new one, made
 * by a scan or elsewhere, and its page may know nothing of what was handed over by an earlier link, which may have left:
 * that is written down with the link, so that nobody who is connected by it takes absence for a proof. If the page tells
 * another number than the last that was known, the account begins anew. It locks the account's row.
 */
export async function leaveEarlierLink(
  trx: Executor,
  id: AccountId,
  phoneNumber: string | null = null,
): Promise<void> {
  const account = await trx
    .selectFrom('accounts')
    .select(['linked', sql<Date>`now()`.as('at')])
    .select(sql<string | null>`coalesce(phone_number, last_phone_number)`.as('before'))
    .where('id', '=', id)
    .where(isKept)
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (account === undefined) return;
  const { before } = account;
  if (before !== null && phoneNumber !== null && before !== phoneNumber)
    await leaveNumber(trx, id, account.at);
  else if (!account.linked) await doubtHanded(trx, id, { ...LINKED_ANEW, at: account.at });
}
