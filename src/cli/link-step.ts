import { DEFAULT_TIMINGS } from '../config/session-timings.ts';
import type { AccountView } from './api-views.ts';
import { CLI } from './cli-command.ts';

/** What `link` does about an account as it is now. */
export type LinkStep =
  | { readonly kind: 'wait'; readonly text: string }
  | { readonly kind: 'scan' }
  | { readonly kind: 'linked' }
  | { readonly kind: 'ended'; readonly text: string };

/** True if nothing goes on by itself: the account is linked or connected again only when somebody asks for it. */
export function isResting({ connectionStatus }: Pick<AccountView, 'connectionStatus'>): boolean {
  return connectionStatus === 'Disconnected' || connectionStatus === 'Failed';
}

/** True if a phone has answered the code, and that is behind: within a second it may be. */
export function isPastPairing(state: AccountView['state']): boolean {
  return state === 'syncing' || state === 'connected';
}

/** False if no command of the account is the remedy of what it rests for. */
export function isMendedByLinking({ reason }: Pick<AccountView, 'reason'>): boolean {
  return reason?.code !== 'key_missing';
}

/** What a person types to link or connect an account, or to go on with that. */
export function idToLinkCommand(accountId: string): string {
  return `${CLI} link --account ${accountId}`;
}

/** The next step of linking, from the account's state; `now` in milliseconds since the epoch, by the daemon's clock. Pure. */
export function accountToLinkStep(
  account: Pick<AccountView, 'state' | 'connectionStatus' | 'reason' | 'since'>,
  now: number,
): LinkStep {
  switch (account.state) {
    case 'connected':
      return { kind: 'linked' };
    case 'awaiting_scan':
      return { kind: 'scan' };
    case 'pairing':
      return { kind: 'wait', text: 'The phone has answered. WhatsApp is linking.' };
    case 'syncing':
      return { kind: 'wait', text: 'Linked. WhatsApp Web is loading.' };
    case 'reconnecting':
      return { kind: 'wait', text: `Trying again. ${reasonToSentences(account)}`.trim() };
    case 'needs_human':
      return isPasskeyAwaited(account, now)
        ? { kind: 'wait', text: reasonToSentences(account) }
        : { kind: 'ended', text: `The account was not linked. ${reasonToSentences(account)}`.trim() };
    case 'disconnected':
      return { kind: 'ended', text: `The account was not linked. ${reasonToSentences(account)}`.trim() };
    default:
      // A state of a newer daemon: its coarse status says whether there is something to wait for.
      return account.connectionStatus === 'Failed'
        ? { kind: 'ended', text: `The account was not linked. ${reasonToSentences(account)}`.trim() }
        : { kind: 'wait', text: 'The browser is starting.' };
  }
}

/** Why an account is as it is, and what a person should do; empty if there is nothing to say. */
export function reasonToSentences({ reason }: Pick<AccountView, 'reason'>): string {
  return reason === null ? '' : [reason.text, reason.userAction].filter(Boolean).join(' ');
}

/** While the daemon keeps the page open, linking goes on as soon as the phone approves; then it is over. */
function isPasskeyAwaited({ reason, since }: Pick<AccountView, 'reason' | 'since'>, now: number): boolean {
  return reason?.code === 'passkey' && now < Date.parse(since) + DEFAULT_TIMINGS.passkeyDeadlineMs;
}
