import type { Account } from '../accounts/account.ts';
import { DEFAULT_TENANT, type InstanceId, makeAccountId } from '../accounts/ids.ts';
import type { Channel } from '../channels/channel.ts';
import type { Config } from '../config/config.ts';
import { hasAccounts, insertAccount, listUnlinkedAccounts } from '../db/account-directory.ts';
import type { Executor } from '../db/database.ts';
import { accountName } from './terminal-text.ts';

export interface WelcomeDeps {
  readonly defaults: Pick<Config['whatsapp'], 'dailyLimit' | 'timezone'>;
  readonly db: Executor;
  readonly channel: Channel;
  readonly instanceId: InstanceId;
  readonly isTerminal: boolean;
  /** How the command line of this daemon is called, such as `npm run cli --`. */
  readonly cli: string;
  write(text: string): void;
}

const howToLink = (cli: string) => `
There is no account yet. Link one with

    ${cli} link "My business"

`;

const SCAN = `
There is no account yet, so one is being made. Its QR code appears here as soon as WhatsApp Web has loaded.
`;

/** Of more accounts only the number is told. */
const MAX_TOLD = 5;

/**
 * Helps a newcomer to a first account: where a person sits at the terminal one is made, and its QR code is drawn
 * there like any other; elsewhere the command is printed. Once there are accounts, the person at the terminal is told
 * which of them nobody has linked: they are not started by themselves.
 */
export async function welcome(deps: WelcomeDeps): Promise<void> {
  const { db, channel, instanceId, defaults } = deps;
  if (await hasAccounts(db)) {
    if (deps.isTerminal) deps.write(describeUnlinked(await listUnlinkedAccounts(db, instanceId), deps.cli));
    return;
  }
  if (!deps.isTerminal) {
    deps.write(howToLink(deps.cli));
    return;
  }
  deps.write(SCAN);
  const id = makeAccountId();
  await insertAccount(db, {
    id,
    tenantId: DEFAULT_TENANT,
    instanceId,
    expectedPhoneNumber: null,
    displayName: 'My business',
    dailyLimit: defaults.dailyLimit,
    timezone: defaults.timezone,
  });
  await channel.start(id);
}

/** Which accounts nobody has linked, with the command for each; empty if there is none. */
export function describeUnlinked(
  accounts: readonly Pick<Account, 'id' | 'displayName'>[],
  cli: string,
): string {
  const [first, ...others] = accounts;
  if (first === undefined) return '';
  if (others.length === 0) return `1 account is not linked: ${cli} link --account ${first.id}\n`;
  const told = accounts.slice(0, MAX_TOLD);
  const lines = told.map(
    ({ id, displayName }) => `  ${accountName(id, displayName)}: ${cli} link --account ${id}\n`,
  );
  const rest = accounts.length - told.length;
  const more = rest === 0 ? '' : `  and ${rest} more: ${cli} accounts\n`;
  return `${accounts.length} accounts are not linked:\n${lines.join('')}${more}`;
}
