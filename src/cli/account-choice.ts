import type { ApiClient } from './api-client.ts';
import type { AccountView } from './api-views.ts';
import { chooseOnly, isId } from './choice.ts';

/**
 * The id of the account that a person means: by its id, its phone number or its name.
 * @throws AppError ACCOUNT_NOT_FOUND, or VALIDATION_FAILED if several have the name
 */
export async function chooseAccount(api: ApiClient, wanted: string): Promise<string> {
  if (isId(wanted)) return wanted;
  return chooseFrom(await api.listAccounts(), wanted).id;
}

/** The one account with this phone number (with or without +) or exactly this name. */
export function chooseFrom(accounts: readonly AccountView[], wanted: string): AccountView {
  const matching = accounts.filter((account) => isCalled(account, wanted));
  return chooseOnly(matching, wanted, {
    code: 'ACCOUNT_NOT_FOUND',
    one: 'account with the id, the phone number or the name',
    several: 'accounts',
    command: 'accounts',
  });
}

/** True if this is its phone number (with or without +) or exactly its name. */
export function isCalled({ displayName, phoneNumber }: AccountView, wanted: string): boolean {
  return displayName === wanted || (phoneNumber !== null && phoneNumber === `+${wanted.replace(/^\+/, '')}`);
}
