import type { Account, LinkCode } from '../accounts/account.ts';
import { REASONS } from '../accounts/reason.ts';
import { AppError } from '../lib/errors.ts';
import { API_BASE } from './context.ts';
import { refuseField } from './validation.ts';

/**
 * What the QR route tells of an account. A code that can no longer be scanned is none.
 * @throws AppError ALREADY_LINKED, QR_EXPIRED once it was given up
 */
export function accountToQr(account: Account, now: Date): LinkCode | null {
  return unlessOver(account, { text: account.qr, expiresAt: account.qrExpiresAt }, now);
}

/**
 * What the pairing code's route tells of an account. A code that can no longer be typed is none.
 * @throws AppError VALIDATION_FAILED if it is linked by a QR code, ALREADY_LINKED, QR_EXPIRED once it was given up
 * or refused
 */
export function accountToPairingCode(account: Account, now: Date): LinkCode | null {
  if (account.pairing !== 'code') {
    throw refuseField(
      'accountId',
      `This account is linked by a QR code: GET ${API_BASE}/qr-code/${account.id}`,
    );
  }
  const { pairingCode, pairingCodeExpiresAt } = account;
  return unlessOver(account, { text: pairingCode, expiresAt: pairingCodeExpiresAt }, now);
}

function unlessOver(
  { linked, state, reason }: Account,
  { text, expiresAt }: { readonly text: string | null; readonly expiresAt: Date | null },
  now: Date,
): LinkCode | null {
  if (linked) throw new AppError('ALREADY_LINKED');
  if (state === 'disconnected' && (reason === 'qr_given_up' || reason === 'pairing_code_refused')) {
    const message = `${REASONS[reason].text} ${REASONS[reason].userAction}`;
    throw new AppError('QR_EXPIRED', { message });
  }
  return text === null || expiresAt === null || expiresAt <= now ? null : { text, expiresAt };
}
