import type { Command } from 'commander';
import { chooseAccount } from '../account-choice.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';

interface SendOptions extends JsonOption {
  readonly idempotencyKey?: string;
}

/** `send`: hands a text message to the daemon, which sends it. */
export function addSendCommand(program: Command, context: CommandContext): void {
  program
    .command('send')
    .summary('send a text message')
    .description('Hands a text message to the daemon. It is safe there; its status follows in "messages".')
    .argument('<account>', 'id, phone number or name of the account that sends')
    .argument('<to>', 'E.164, such as +491700000001, or a chat id')
    .argument('<text>', 'what to say; put -- before the account if it begins with a hyphen')
    .option('--idempotency-key <key>', 'repeating the command with the same key sends nothing twice')
    .option(...JSON_OPTION)
    .action(async (wanted: string, to: string, text: string, options: SendOptions) => {
      const api = await context.openApi();
      const accepted = await api.sendText(
        await chooseAccount(api, wanted),
        { to, text },
        options.idempotencyKey,
      );
      if (options.json) writeJson(context, accepted);
      else context.write(`Accepted: message ${accepted.messageId}, ${accepted.status}.\n`);
    });
}
