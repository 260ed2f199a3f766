import { AppError } from '../lib/errors.ts';
import type { ApiClient } from './api-client.ts';
import type { AccountView } from './api-views.ts';
import { CLI } from './cli-command.ts';

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/**
 * The id of the account that a person means: by its id, its phone number or its name.
 * @throws AppError ACCOUNT_NOT_FOUND, or VALIDATION_FAILED if several have the name
 */
export async function chooseAccount(api: ApiClient, wanted: string): Promise<string> {
  if (UUID.test(wanted)) return wanted;
  return chooseFrom(await api.listAccounts(), wanted).id;
}

/** The one account with this phone number (with or without +) or exactly this name. */
export function chooseFrom(accounts: readonly AccountView[], wanted: string): AccountView {
  const matching = accounts.filter((account) => isCalled(account, wanted));
  const [only, another] = matching;
  if (only === undefined) {
    throw new AppError('ACCOUNT_NOT_FOUND', {
      message: `There is no account with the id, the phone number or the name ${JSON.stringify(wanted)}. See: ${CLI} accounts`,
    });
  }
  if (another !== undefined) {
    const ids = matching.map(({ id }) => id).join(', ');
    throw new AppError('VALIDATION_FAILED', {
      message: `Several accounts are called ${JSON.stringify(wanted)}. Use one of their ids: ${ids}`,
    });
  }
  return only;
}

/** True if this is its phone number (with or without +) or exactly its name. */
export function isCalled({ displayName, phoneNumber }: AccountView, wanted: string): boolean {
  return displayName === wanted || (phoneNumber !== null && phoneNumber === `+${wanted.replace(/^\+/, '')}`);
}
