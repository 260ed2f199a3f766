import type { Command } from 'commander';
import { chooseAccount } from '../account-choice.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';

/** `disconnect`: unlinks an account's phone. */
export function addDisconnectCommand(program: Command, context: CommandContext): void {
  program
    .command('disconnect')
    .summary('unlink an account from its phone')
    .description(
      'Logs the account out and deletes its browser profile. Its messages stay; linking it again takes a new scan.',
    )
    .argument('<account>', 'id, phone number or name')
    .option(...JSON_OPTION)
    .action(async (wanted: string, { json }: JsonOption) => {
      const api = await context.openApi();
      const accountId = await chooseAccount(api, wanted);
      await api.disconnect(accountId);
      if (json) writeJson(context, { accountId });
      else context.write(`Disconnected: account ${accountId}.\n`);
    });
}
