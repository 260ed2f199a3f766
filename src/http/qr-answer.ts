import type { Account } from '../accounts/account.ts';
import { AppError } from '../lib/errors.ts';

/** The code that waits to be scanned; null until there is one. */
export type WaitingQr = { readonly text: string; readonly expiresAt: Date } | null;

/**
 * What the QR route tells of an account. A code that can no longer be scanned is none.
 * @throws AppError ALREADY_LINKED, QR_EXPIRED once it was given up
 */
export function accountToQr(account: Account, now: Date): WaitingQr {
  if (account.linked) throw new AppError('ALREADY_LINKED');
  if (account.state === 'disconnected' && account.reason === 'qr_given_up') throw new AppError('QR_EXPIRED');
  const { qr, qrExpiresAt } = account;
  if (qr === null || qrExpiresAt === null || qrExpiresAt <= now) return null;
  return { text: qr, expiresAt: qrExpiresAt };
}
