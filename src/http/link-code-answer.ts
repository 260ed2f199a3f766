import type { Account, LinkCode } from '../accounts/account.ts';
import { endsLinking, REASONS, type ReasonCode } from '../accounts/reason.ts';
import { AppError } from '../lib/errors.ts';
import { API_BASE } from './context.ts';
import { refuseField } from './validation.ts';

/**
 * What the QR route tells of an account. A code that can no longer be scanned is none.
 * @throws AppError ALREADY_LINKED, QR_EXPIRED once linking was given up
 */
export function accountToQr(account: Account, now: Date): LinkCode | null {
  return unlessOver(account, { text: account.qr, expiresAt: account.qrExpiresAt }, now);
}

/**
 * What the pairing code's route tells of an account. A code that can no longer be typed is none.
 * @throws AppError VALIDATION_FAILED if it is linked by a QR code, ALREADY_LINKED, QR_EXPIRED once linking was given up
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
  account: Account,
  { text, expiresAt }: { readonly text: string | null; readonly expiresAt: Date | null },
  now: Date,
): LinkCode | null {
  if (account.linked) throw new AppError('ALREADY_LINKED');
  const reason = findGivenUp(account);
  if (reason !== undefined) {
    const { text: why, userAction } = REASONS[reason];
    throw new AppError('QR_EXPIRED', { message: [why, userAction].filter(Boolean).join(' ') });
  }
  return text === null || expiresAt === null || expiresAt <= now ? null : { text, expiresAt };
}

/** Why linking was given up; undefined if a code is there, or may come by itself. */
function findGivenUp({ state, reason, isHeld }: Account): ReasonCode | undefined {
  const rests = state === 'disconnected' || state === 'needs_human';
  if (!rests || reason === null || !endsLinking(reason)) return undefined;
  // The page stays open for a while: if the phone answers, linking goes on.
  return reason === 'passkey' && isHeld ? undefined : reason;
}
