import type { Command } from 'commander';
import { AppError, isAppError } from '../../lib/errors.ts';
import { chooseAccount } from '../account-choice.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { idToLinkCommand } from '../link-step.ts';

interface SendOptions extends JsonOption {
  readonly idempotencyKey?: string;
  readonly onLimit?: string;
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
    .option(
      '--on-limit <what>',
      'where the daily limit is used up: reject (the default) or defer to another day',
    )
    .option(...JSON_OPTION)
    .action(async (wanted: string, to: string, text: string, options: SendOptions) => {
      const api = await context.openApi();
      const accountId = await chooseAccount(api, wanted);
      // What it may be is the daemon's to judge.
      const onLimit = options.onLimit === undefined ? {} : { onLimit: options.onLimit };
      const accepted = await api
        .sendText(accountId, { to, text, ...onLimit }, options.idempotencyKey)
        .catch((thrown: unknown) => {
          throw isAppError(thrown) ? withRemedy(thrown, accountId) : thrown;
        });
      if (options.json) writeJson(context, accepted);
      else context.write(`Accepted: message ${accepted.messageId}, ${accepted.status}.\n`);
    });
}

function withRemedy(error: AppError, accountId: string): AppError {
  const { code, message, details } = error;
  const remedy = codeToRemedy(error, accountId);
  return remedy === undefined ? error : new AppError(code, { message: `${message} ${remedy}`, details });
}

function codeToRemedy({ code }: AppError, accountId: string): string | undefined {
  switch (code) {
    case 'ACCOUNT_NOT_CONNECTED':
      return `See: npm run cli -- status ${accountId}; link it with: ${idToLinkCommand(accountId)}`;
    case 'DAILY_LIMIT_EXCEEDED':
      return 'With --on-limit defer it is kept and leaves on the next day that has room.';
    default:
      return undefined;
  }
}
