import type { Command } from 'commander';
import { AppError, type ErrorCode, isAppError } from '../../lib/errors.ts';
import { chooseAccount } from '../account-choice.ts';
import type { AccountView } from '../api-views.ts';
import { CLI } from '../cli-command.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { idToLinkCommand, isResting, reasonToSentences } from '../link-step.ts';
import { drawQr } from '../qr-view.ts';

interface QrOptions extends JsonOption {
  readonly large?: boolean;
}

/** `qr`: draws the QR code that an account shows at this moment. */
export function addQrCommand(program: Command, context: CommandContext): void {
  program
    .command('qr')
    .summary("draw an account's QR code once")
    .description(
      'Draws the QR code that the account shows now. It is replaced within 2 minutes; link follows it.',
    )
    .argument('<account>', 'id, phone number or name')
    .option('--large', 'draw it with two characters a module, for terminals that show the small one badly')
    .option(...JSON_OPTION)
    .action((wanted: string, options: QrOptions) => qr(context, wanted, options));
}

async function qr(context: CommandContext, wanted: string, { json, large }: QrOptions): Promise<void> {
  const api = await context.openApi();
  const accountId = await chooseAccount(api, wanted);
  const answer = await api.getQr(accountId).catch(async (thrown: unknown) => {
    if (!isAppError(thrown, 'QR_EXPIRED') && !isAppError(thrown, 'ALREADY_LINKED')) throw thrown;
    const account = await api.getAccount(accountId);
    if (isResting(account)) throw makeResting(account, thrown.code);
    throw isAppError(thrown, 'ALREADY_LINKED') ? makeLinked(account, thrown) : thrown;
  });
  if (answer.qr === null) {
    const account = await api.getAccount(accountId);
    throw isResting(account) ? makeResting(account, 'ACCOUNT_NOT_CONNECTED') : makeNotYet(account);
  }
  if (json) writeJson(context, answer);
  else context.write(drawQr(answer.qr, { small: large !== true }));
}

/** There will be no QR code until somebody asks for one. */
function makeResting(account: AccountView, code: ErrorCode): AppError {
  const remedy = `Link it with: ${idToLinkCommand(account.id)}`;
  const sentences = ['The account shows no QR code.', reasonToSentences(account), remedy];
  return new AppError(code, { message: sentences.filter(Boolean).join(' ') });
}

/** The code has done its work. */
function makeLinked({ id }: AccountView, { code, message }: AppError): AppError {
  return new AppError(code, {
    message: `${message} See how it is with: ${CLI} status ${id} Before another phone can be linked, log this one out with: ${CLI} disconnect ${id}`,
  });
}

function makeNotYet(account: AccountView): AppError {
  const remedy = `Wait for it with: ${idToLinkCommand(account.id)}`;
  const sentences = ['The account has no QR code yet.', reasonToSentences(account), remedy];
  return new AppError('ACCOUNT_NOT_CONNECTED', { message: sentences.filter(Boolean).join(' ') });
}
