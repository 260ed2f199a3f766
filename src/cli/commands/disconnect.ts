import type { Command } from 'commander';
import { chooseAccount } from '../account-choice.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';

interface DisconnectOptions extends JsonOption {
  readonly remove?: boolean;
}

/** `disconnect`: unlinks an account's phone, and removes the account if that is wanted. */
export function addDisconnectCommand(program: Command, context: CommandContext): void {
  program
    .command('disconnect')
    .summary('unlink an account from its phone, or remove it')
    .description(
      'Logs the account out and deletes its browser profile. Its messages stay; linking it again takes a new scan.',
    )
    .argument('<account>', 'id, phone number or name')
    .option(
      '--remove',
      'remove the account as well; what waits to be sent is cancelled, and its messages can be read by their ids alone',
    )
    .option(...JSON_OPTION)
    .action((wanted: string, options: DisconnectOptions) => disconnect(context, wanted, options));
}

async function disconnect(
  context: CommandContext,
  wanted: string,
  { remove, json }: DisconnectOptions,
): Promise<void> {
  const api = await context.openApi();
  const accountId = await chooseAccount(api, wanted);
  if (remove) await api.removeAccount(accountId);
  else await api.disconnect(accountId);
  if (json) writeJson(context, remove ? { accountId, removed: true } : { accountId });
  else context.write(`Disconnected${remove ? ' and removed' : ''}: account ${accountId}.\n`);
}
