import type { Command } from 'commander';
import type { AccountView } from '../api-views.ts';
import { CLI } from '../cli-command.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { rowsToTable, textToCell } from '../terminal-text.ts';

const MAX_NAME = 30;

/** A key is not told its own role: whose key it is decides which of the two is the remedy. */
const NONE = `There is no account that this key may see.
Link one with:                                  ${CLI} link "My business"
To an agent's or viewer's key an owner grants:  ${CLI} grants add "My business" --key <key>
`;

/** `accounts`: lists all accounts that the key may see. */
export function addAccountsCommand(program: Command, context: CommandContext): void {
  program
    .command('accounts')
    .summary('list the accounts')
    .description('Lists the accounts that the API key may see.')
    .option(...JSON_OPTION)
    .action(async ({ json }: JsonOption) => {
      const accounts = await (await context.openApi()).listAccounts();
      if (json) writeJson(context, accounts);
      else context.write(describeAccounts(accounts));
    });
}

/** Its status, and its finer state where that says more. */
export function describeState({ connectionStatus, state }: AccountView): string {
  return connectionStatus.toLowerCase() === state ? connectionStatus : `${connectionStatus} (${state})`;
}

/** The accounts as a table. */
export function describeAccounts(accounts: readonly AccountView[]): string {
  if (accounts.length === 0) return NONE;
  return rowsToTable(
    ['ID', 'NAME', 'PHONE', 'STATUS', 'HEALTH', 'SENT TODAY', 'RECEIVED TODAY'],
    accounts.map((account) => [
      account.id,
      textToCell(account.displayName ?? '-', MAX_NAME),
      account.phoneNumber ?? '-',
      describeState(account),
      account.healthStatus,
      `${account.messagesSentToday}/${account.dailyLimit}`,
      String(account.messagesReceivedToday),
    ]),
  );
}
