import type { Account } from '../accounts/account.ts';
import { stateToConnectionStatus } from '../accounts/state.ts';
import { AppError } from '../lib/errors.ts';

/**
 * A send is accepted, and waits if it must, unless the account rests or was never linked.
 * @throws AppError ACCOUNT_NOT_CONNECTED
 */
export function checkMaySend(account: Pick<Account, 'state' | 'firstLinkedAt'>): void {
  const status = stateToConnectionStatus(account.state);
  const rests = status === 'Disconnected' || status === 'Failed';
  if (rests || account.firstLinkedAt === null) throw new AppError('ACCOUNT_NOT_CONNECTED');
}
