import { type AccountId, type InstanceId, parseTenantId } from '../../src/accounts/ids.ts';
import type { NewAccount } from '../../src/db/account-directory.ts';
import { admitAccount, saveImported } from '../../src/db/account-import.ts';
import type { Executor } from '../../src/db/database.ts';

/** What an import on that instance would make an account of, if there is none. */
export function importedAccount(id: AccountId, instanceId: InstanceId): NewAccount {
  const unset = { expectedPhoneNumber: null, displayName: null };
  return { id, instanceId, tenantId: parseTenantId('default'), ...unset, dailyLimit: 1_000, timezone: 'UTC' };
}

/** The account, which rests without a link, has the link that an import gives it. */
export async function importSession(db: Executor, id: AccountId, instanceId: InstanceId): Promise<void> {
  const admission = await admitAccount(db, importedAccount(id, instanceId));
  if (typeof admission === 'string' || !(await saveImported(db, admission)))
    throw new Error('The session is not taken in.');
}
