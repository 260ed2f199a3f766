import type { Command } from 'commander';
import { AppError } from '../../lib/errors.ts';
import { chooseAccount } from '../account-choice.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
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
  const answer = await api.getQr(await chooseAccount(api, wanted));
  if (answer.qr === null) {
    throw new AppError('ACCOUNT_NOT_CONNECTED', {
      message: `The account has no QR code yet. Wait for it with: npm run cli -- link --account ${JSON.stringify(wanted)}`,
    });
  }
  if (json) writeJson(context, answer);
  else context.write(drawQr(answer.qr, { small: large !== true }));
}
