import { waitMs } from '../lib/abort.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import type { ApiClient } from './api-client.ts';
import type { AccountView } from './api-views.ts';
import { accountToLinkStep } from './link-step.ts';

/** How often the daemon is asked. A QR code lives for 20 s or more, and a person scans it in seconds. */
const ASK_EVERY_MS = 1_000;

/** What is told while an account is being linked; each only when it changes. */
export interface LinkWitness {
  onState(account: AccountView, text: string): void;
  onQr(account: AccountView, qr: string | null): void;
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
  let shown: string | null = null;
  for (;;) {
    const account = await api.getAccount(accountId);
    const step = accountToLinkStep(account);
    const qr = step.kind === 'scan' ? await findQr(api, accountId) : null;
    if (qr !== shown && (qr !== null || step.kind !== 'scan')) {
      shown = qr;
      witness.onQr(account, qr);
    }
    switch (step.kind) {
      case 'linked':
        return account;
      case 'ended':
        if (account.since === restingSince) break;
        throw new AppError('ACCOUNT_NOT_CONNECTED', { message: step.text });
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

/** Null while there is none. Between two questions it may have been used or given up: the account says which. */
async function findQr(api: ApiClient, accountId: string): Promise<string | null> {
  try {
    return (await api.getQr(accountId)).qr;
  } catch (thrown) {
    if (isAppError(thrown, 'QR_EXPIRED') || isAppError(thrown, 'ALREADY_LINKED')) return null;
    throw thrown;
  }
}
