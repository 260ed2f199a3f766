/**
 * What the daemon's own terminal says of accounts that are being linked: it draws their codes, says what became of them,
 * why one was given up and how to go on. Of accounts that are linked already it says nothing.
 */
import type { Account, SessionChange } from '../accounts/account.ts';
import type { AccountId } from '../accounts/ids.ts';
import { REASONS } from '../accounts/reason.ts';
import type { ChannelListener } from '../channels/channel.ts';
import { toError } from '../lib/errors.ts';
import { KeyedSerial } from '../lib/keyed-serial.ts';
import type { Logger } from '../lib/logger.ts';
import type { TerminalQrView } from './qr-view.ts';
import { accountName } from './terminal-text.ts';

export interface LinkTellerDeps {
  readonly view: TerminalQrView;
  /** How the command line of this daemon is called, such as `npm run cli --`. */
  readonly cli: string;
  readonly log: Logger;
  write(text: string): void;
  /** As it is stored. Rejects if it is gone. */
  getAccount(id: AccountId): Promise<ToldAccount>;
}

export type ToldAccount = Pick<Account, 'id' | 'displayName' | 'phoneNumber' | 'linked'>;

/** The part of a listener that a terminal hears. */
export type LinkTeller = Required<Pick<ChannelListener, 'onQr' | 'onPairingCode' | 'onState'>>;

export function makeLinkTeller({ view, cli, log, write, getAccount }: LinkTellerDeps): LinkTeller {
  const turns = new KeyedSerial<AccountId>();
  /** Accounts that somebody at the terminal waits for, and what was said of them last. */
  const awaited = new Map<AccountId, string>();

  async function tell(accountId: AccountId, change: SessionChange): Promise<void> {
    // An account that falls may be one whose first code is waited for; only the database knows.
    if (!awaited.has(accountId) && change.state !== 'reconnecting') return;
    const account = await getAccount(accountId);
    if (change.state === 'reconnecting' && account.linked) return;
    const said = describeLinkChange(account, change, cli);
    if (said === undefined) return;
    if (said.text !== awaited.get(accountId)) write(said.text);
    if (said.isOver) awaited.delete(accountId);
    else awaited.set(accountId, said.text);
  }

  return {
    onQr({ id, displayName: name }, qr) {
      if (qr !== null) awaited.set(id, '');
      view.show({ id, name, qr });
    },
    onPairingCode({ id, displayName: name }, code) {
      if (code !== null) awaited.set(id, '');
      view.showPairingCode({ id, name, code });
    },
    onState(accountId, change) {
      void turns
        .run(accountId, () => tell(accountId, change))
        .catch((thrown: unknown) => {
          log.debug('A change was not told in the terminal', { accountId, error: toError(thrown).message });
        });
    },
  };
}

/** What a change means to whoever waits with the phone, and whether the wait is over; undefined if nothing. Pure. */
export function describeLinkChange(
  account: ToldAccount,
  { state, reason }: SessionChange,
  cli: string,
): { readonly text: string; readonly isOver: boolean } | undefined {
  const name = accountName(account.id, account.displayName);
  const why =
    reason === null ? '' : [REASONS[reason].text, REASONS[reason].userAction].filter(Boolean).join(' ');
  switch (state) {
    case 'pairing':
      return { text: `${name}: the phone has answered. WhatsApp is linking.\n`, isOver: false };
    case 'connected':
      return { text: describeConnected(name, account, cli), isOver: true };
    case 'reconnecting':
      return {
        text: `${name}: ${why} It is tried again, and a code comes as soon as it works.\n`,
        isOver: false,
      };
    case 'needs_human':
      // The page stays open for a while.
      if (reason === 'passkey') return { text: `${name}: ${why}\n`, isOver: false };
      return { text: describeEnd(name, why, account, cli), isOver: true };
    case 'disconnected':
      if (reason === 'daemon_stopped') return undefined;
      return { text: describeEnd(name, why, account, cli), isOver: true };
    default:
      return undefined;
  }
}

function describeConnected(name: string, { id, phoneNumber }: ToldAccount, cli: string): string {
  const as = phoneNumber === null ? '' : ` as ${phoneNumber}`;
  return `${name} is connected${as}.\nNext: write to it from another phone, then see ${cli} messages ${phoneNumber ?? id}\n`;
}

function describeEnd(name: string, why: string, { id }: ToldAccount, cli: string): string {
  return `${name} was not linked. ${why}\nTo link it: ${cli} link --account ${id}\n`;
}
