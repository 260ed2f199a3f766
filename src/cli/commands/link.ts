import { type Command, Option } from 'commander';
import { AppError, isAppError } from '../../lib/errors.ts';
import { chooseAccount, isCalled } from '../account-choice.ts';
import type { ApiClient } from '../api-client.ts';
import type { AccountView } from '../api-views.ts';
import { CLI } from '../cli-command.ts';
import { type CommandContext, JSON_OPTION, type JsonOption } from '../command-context.ts';
import { followLink, type LinkTarget, type LinkWitness } from '../link-progress.ts';
import { idToLinkCommand, isPastPairing, isResting } from '../link-step.ts';
import { makeTerminalQrView } from '../qr-view.ts';
import { textToLine } from '../terminal-text.ts';
import { checkFilled, checkPhone, requireValid, withTypedNames } from '../typed-values.ts';

const DETAILS = `
The account stays when this is interrupted with Ctrl-C: go on with --account.
With --json every line is one event: "account" with its id first, then "qr" or "code", and "state", at the end
"connected".`;

interface LinkOptions extends JsonOption {
  readonly phone?: string;
  readonly code?: string;
  readonly account?: string;
  readonly another?: boolean;
}

/** `link`: creates an account on the running daemon and draws its QR code until it is connected. */
export function addLinkCommand(program: Command, context: CommandContext): void {
  program
    .command('link')
    .summary('link a WhatsApp account by a QR code, or by a code to type')
    .description('Creates an account and shows its code until a phone has answered it and it is connected.')
    .argument('[name]', 'how the account is called')
    .option('--phone <number>', 'only this number may scan (E.164, such as +491700000001)')
    .addOption(
      new Option(
        '--code <number>',
        'instead of a QR code, show a code to type on the phone of this number (E.164)',
      ).conflicts('phone'),
    )
    .addOption(
      new Option(
        '--account <account>',
        'link this one (id, phone number or name), in the way it was created for, instead of creating another',
      ).conflicts(['phone', 'code', 'another']),
    )
    .option('--another', 'create the account even if there is one with this name or number')
    .option(...JSON_OPTION)
    .addHelpText('after', DETAILS)
    .action((name: string | undefined, options: LinkOptions) => link(context, name, options));
}

async function link(context: CommandContext, name: string | undefined, options: LinkOptions): Promise<void> {
  requireValid(
    checkFilled('[name]', name),
    checkPhone('--phone', options.phone),
    checkPhone('--code', options.code),
  );
  const api = await context.openApi();
  const target =
    options.account === undefined
      ? await createAccount(api, name, options)
      : await restartLink(api, options.account);
  const { accountId } = target;
  const witness = options.json ? makeEventWitness(context) : makeTerminalWitness(context);
  if (options.json) writeEvent(context, 'account', { accountId });
  else context.write(`Account ${accountId}\n`);
  const account = await followLink(api, target, witness, context.signal).catch((thrown) => {
    if (context.signal.aborted && !options.json) {
      context.write(`\nThe account stays. Go on with: ${idToLinkCommand(accountId)}\n`);
    }
    throw isAppError(thrown, 'UNAVAILABLE') ? tellHowToGoOn(thrown, accountId) : thrown;
  });
  if (options.json) writeEvent(context, 'connected', { accountId, phoneNumber: account.phoneNumber });
  else context.write(`Connected${account.phoneNumber === null ? '' : ` as ${account.phoneNumber}`}.\n`);
}

function tellHowToGoOn({ code, message, details, cause }: AppError, accountId: string): AppError {
  const sentences = `${message} The account stays. Then go on with: ${idToLinkCommand(accountId)}`;
  return new AppError(code, { message: sentences, details, cause });
}

async function createAccount(
  api: ApiClient,
  name: string | undefined,
  { phone, code, another }: LinkOptions,
): Promise<LinkTarget> {
  const wanted = [name, phone ?? code].filter((each) => each !== undefined);
  if (!another && wanted.length > 0) refuseDuplicate(await api.listAccounts(), wanted);
  // Its number is what a person knows it by until it has a name.
  const displayName = name ?? phone ?? code;
  const wish = {
    ...(displayName === undefined ? {} : { displayName }),
    ...(phone === undefined ? {} : { phoneNumber: phone }),
    ...(code === undefined ? {} : { phoneNumber: code, pairing: 'code' as const }),
  };
  const typed = { displayName: '[name]', phoneNumber: code === undefined ? '--phone' : '--code' };
  const { accountId } = await withTypedNames(api.connect(wish), typed);
  return { accountId, restingSince: null };
}

/** Whoever repeats the command most often wants to go on with the account that the first time has made. */
function refuseDuplicate(accounts: readonly AccountView[], wanted: readonly string[]): void {
  for (const each of wanted) {
    const there = accounts.find((account) => isCalled(account, each));
    if (there === undefined) continue;
    throw new AppError('VALIDATION_FAILED', {
      message: `There is an account ${JSON.stringify(each)} already (${there.connectionStatus}). Add --another to create one more, or ${
        there.connectionStatus === 'Connected'
          ? `see that one with: ${CLI} status ${there.id}`
          : `link that one with: ${idToLinkCommand(there.id)}`
      }`,
    });
  }
}

/** An account that is being linked already is only followed: a restart would take its QR code away. */
async function restartLink(api: ApiClient, wanted: string): Promise<LinkTarget> {
  const accountId = await chooseAccount(api, wanted);
  const { connectionStatus, since } = await api.getAccount(accountId);
  if (!isResting({ connectionStatus })) return { accountId, restingSince: null };
  await api.reconnect(accountId);
  return { accountId, restingSince: since };
}

function makeTerminalWitness({ write, isTty }: CommandContext): LinkWitness {
  const view = makeTerminalQrView({ write, isTty, inPlace: true });
  return {
    onState: (_account, text) => write(`${textToLine(text)}\n`),
    onCode: ({ id, displayName: name, state }, code) => {
      if (code === null) {
        view.show({ id, name, qr: null });
        if (isPastPairing(state)) write('The phone has answered.\n');
      }
      if (code?.kind === 'qr') view.show({ id, name, qr: code.text });
      if (code?.kind === 'code') view.showPairingCode({ id, name, code: code.text });
    },
  };
}

function makeEventWitness(context: CommandContext): LinkWitness {
  return {
    onState: ({ id, state, connectionStatus }: AccountView) =>
      writeEvent(context, 'state', { accountId: id, state, connectionStatus }),
    onCode: ({ id }, code) => {
      if (code !== null) writeEvent(context, code.kind, { accountId: id, [code.kind]: code.text });
    },
  };
}

function writeEvent(context: CommandContext, event: string, data: object): void {
  context.write(`${JSON.stringify({ event, ...data })}\n`);
}
