import type { Account } from '../accounts/account.ts';
import { REASONS } from '../accounts/reason.ts';
import { stateToConnectionStatus } from '../accounts/state.ts';
import { AppError, ERROR_CATALOGUE } from '../lib/errors.ts';

/**
 * A send is accepted, and waits if it must, unless the account rests or was never linked.
 * @throws AppError ACCOUNT_NOT_CONNECTED with the reason and what to do
 */
export function checkMaySend(account: Pick<Account, 'state' | 'reason' | 'firstLinkedAt'>): void {
  const status = stateToConnectionStatus(account.state);
  const rests = status === 'Disconnected' || status === 'Failed';
  if (!rests && account.firstLinkedAt !== null) return;
  const code = 'ACCOUNT_NOT_CONNECTED';
  throw new AppError(code, { message: `${ERROR_CATALOGUE[code].message} ${explain(account)}`.trim() });
}

function explain({ reason, firstLinkedAt }: Pick<Account, 'reason' | 'firstLinkedAt'>): string {
  if (reason !== null) return [REASONS[reason].text, REASONS[reason].userAction].filter(Boolean).join(' ');
  if (firstLinkedAt !== null) return '';
  return 'No phone was linked to it yet: scan its QR code, or type its pairing code.';
}
