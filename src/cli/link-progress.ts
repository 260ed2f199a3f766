import { waitMs } from '../lib/abort.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import type { ApiClient } from './api-client.ts';
import type { AccountView } from './api-views.ts';
import { accountToLinkStep, idToLinkCommand, isMendedByLinking } from './link-step.ts';
import { ASK_EVERY_MS, askPatiently } from './patient-ask.ts';

/** What is told while an account is being linked; each only when it changes. */
export interface LinkWitness {
  onState(account: AccountView, text: string): void;
  onCode(account: AccountView, code: ShownCode | null): void;
}

/** What waits for the phone: a QR code to scan, or a code to type. */
export interface ShownCode {
  readonly kind: 'qr' | 'code';
  readonly text: string;
}

export interface LinkTarget {
  readonly accountId: string;
  /** Since when it has been in the state from which it was told to start: until that is over, nothing has ended. */
  readonly restingSince: string | null;
}

/**
 * Follows an account until it is connected, and resolves with it then.
 * @throws AppError ACCOUNT_NOT_CONNECTED with the reason if it comes to rest elsewhere
 */
export async function followLink(
  api: ApiClient,
  { accountId, restingSince }: LinkTarget,
  witness: LinkWitness,
  signal: AbortSignal,
): Promise<AccountView> {
  let told = '';
  let shown = null as ShownCode | null;
  for (;;) {
    const { account, step, code } = await askPatiently(() => lookAt(api, accountId), signal);
    if (code?.text !== shown?.text && (code !== null || step.kind !== 'scan')) {
      shown = code;
      witness.onCode(account, code);
    }
    switch (step.kind) {
      case 'linked':
        return account;
      case 'ended':
        if (account.since === restingSince) break;
        throw new AppError('ACCOUNT_NOT_CONNECTED', {
          message: isMendedByLinking(account)
            ? `${step.text} To link it again: ${idToLinkCommand(accountId)}`
            : step.text,
        });
      case 'scan':
        break;
      case 'wait':
        if (step.text !== told) witness.onState(account, step.text);
        told = step.text;
        break;
      default:
        return step satisfies never;
    }
    await waitMs(ASK_EVERY_MS, signal);
  }
}

/** How the account is, and the code that it shows. */
async function lookAt(api: ApiClient, accountId: string) {
  const account = await api.getAccount(accountId);
  const step = accountToLinkStep(account, api.now());
  return { account, step, code: step.kind === 'scan' ? await findCode(api, accountId) : null };
}

/** Null while there is none. Between two questions it may have been used or given up: the account says which. */
async function findCode(api: ApiClient, accountId: string): Promise<ShownCode | null> {
  try {
    const { qr } = await api.getQr(accountId);
    if (qr !== null) return { kind: 'qr', text: qr };
    const { code } = await api.getPairingCode(accountId);
    return code === null ? null : { kind: 'code', text: code };
  } catch (thrown) {
    // The last: it is linked by a QR code, which is not there yet.
    const isNone = ['QR_EXPIRED', 'ALREADY_LINKED', 'VALIDATION_FAILED', 'NOT_FOUND'] as const;
    if (isNone.some((code) => isAppError(thrown, code))) return null;
    throw thrown;
  }
}
