import type { Command } from 'commander';
import { AppError, isAppError } from '../../lib/errors.ts';
import { chooseAccount } from '../account-choice.ts';
import { CLI } from '../cli-command.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { idToLinkCommand } from '../link-step.ts';
import { checkFilled, checkRecipient, requireValid, withTypedNames } from '../typed-values.ts';

/** Fields of the API, as they are typed here. */
const TYPED_NAMES = {
  to: '<to>',
  text: '<text>',
  'idempotency-key': '--idempotency-key',
  onLimit: '--on-limit',
};

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
      requireValid(checkRecipient('<to>', to), checkFilled('<text>', text));
      const api = await context.openApi();
      const accountId = await chooseAccount(api, wanted);
      // What it may be is the daemon's to judge.
      const onLimit = options.onLimit === undefined ? {} : { onLimit: options.onLimit };
      const sending = api.sendText(accountId, { to, text, ...onLimit }, options.idempotencyKey);
      const accepted = await withTypedNames(sending, TYPED_NAMES).catch(async (thrown: unknown) => {
        if (!isAppError(thrown)) throw thrown;
        throw addSentence(thrown, codeToRemedy(thrown, accountId));
      });
      if (options.json) writeJson(context, accepted);
      else context.write(`Accepted: message ${accepted.messageId}, ${accepted.status}.\n`);
    });
}

function addSentence({ code, message, details }: AppError, sentence: string): AppError {
  return new AppError(code, { message: `${message} ${sentence}`.trim(), details });
}

/** What may be done about the refusal on the command line; empty if there is nothing to add to what the daemon says. */
function codeToRemedy({ code }: AppError, accountId: string): string {
  switch (code) {
    case 'ACCOUNT_NOT_CONNECTED':
      return `See: ${CLI} status ${accountId}; link it with: ${idToLinkCommand(accountId)}`;
    case 'DAILY_LIMIT_EXCEEDED':
      return 'With --on-limit defer it is kept and leaves on the next day that has room.';
    default:
      return '';
  }
}
