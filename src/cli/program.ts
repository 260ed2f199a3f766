import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { findFieldProblems } from '../config/start-error.ts';
import { isAppError, toError } from '../lib/errors.ts';
import type { CommandContext } from './command-context.ts';
import { addAccountsCommand } from './commands/accounts.ts';
import { addAuditCommand } from './commands/audit.ts';
import { addCampaignsCommand } from './commands/campaigns.ts';
import { addDisconnectCommand } from './commands/disconnect.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addGrantsCommand } from './commands/grants.ts';
import { addInstancesCommand } from './commands/instances.ts';
import { addKeysCommand } from './commands/keys.ts';
import { addLinkCommand } from './commands/link.ts';
import { addMessagesCommand } from './commands/messages.ts';
import { addQrCommand } from './commands/qr.ts';
import { addSendCommand } from './commands/send.ts';
import { addSettingsCommand } from './commands/settings.ts';
import { addStatusCommand } from './commands/status.ts';
import { addVaultCommand } from './commands/vault.ts';
import { addWebhooksCommand } from './commands/webhooks.ts';
import { EXIT, EXIT_CODES_HELP, type ExitCode, errorToExitCode } from './exit-code.ts';
import { textToLine } from './terminal-text.ts';

const SUBCOMMANDS = [
  addLinkCommand,
  addAccountsCommand,
  addStatusCommand,
  addQrCommand,
  addSendCommand,
  addMessagesCommand,
  addCampaignsCommand,
  addDisconnectCommand,
  addKeysCommand,
  addGrantsCommand,
  addAuditCommand,
  addWebhooksCommand,
  addSettingsCommand,
  addVaultCommand,
  addInstancesCommand,
  addDoctorCommand,
];

const DESCRIPTION =
  'Talks to a running Switchboard: the one of this folder, or where SWITCHBOARD_URL and SWITCHBOARD_API_KEY point.';

/** What a run needs besides what its subcommand does. */
export type ProgramContext = Omit<CommandContext, 'exitWith'>;

/** Runs the command line `args` (without node and the script) and resolves with its exit code; never rejects. */
export async function runProgram(args: readonly string[], context: ProgramContext): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const exitWith = (wanted: ExitCode) => {
    code = wanted;
  };
  try {
    const program = makeProgram({ ...context, exitWith });
    refuseUnknownCommand(program, args);
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (context.signal.aborted) return EXIT.interrupted;
    const error = toError(thrown);
    context.writeError(args.includes('--json') ? errorToJson(error) : describeError(error));
    return errorToExitCode(error);
  }
}

function makeProgram(context: CommandContext): Command {
  const program = new Command('switchboard')
    .description(DESCRIPTION)
    .version(packageJson.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain the program or a command')
    .helpCommand('help [command]', 'explain the program or a command')
    .addHelpText('afterAll', EXIT_CODES_HELP)
    .showHelpAfterError('Add --help for how it is used.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.write(text),
      writeErr: (text) => context.writeError(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  for (const addSubcommand of SUBCOMMANDS) addSubcommand(program, context);
  return program;
}

/**
 * Where help is asked for, it would be given for the program as a whole, and a script would take that for success.
 * @throws CommanderError
 */
function refuseUnknownCommand(program: Command, args: readonly string[]): void {
  const asksForHelp = args[0] === 'help' || args.includes('--help') || args.includes('-h');
  if (!asksForHelp) return;
  const words = args[0] === 'help' ? args.slice(1) : args;
  let command = program;
  for (const word of words) {
    if (word.startsWith('-') || command.commands.length === 0) return;
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined && word !== 'help') command.error(`error: unknown command '${textToLine(word)}'`);
    if (next === undefined) return;
    command = next;
  }
}

function describeError(error: Error): string {
  const problems = isAppError(error) ? findFieldProblems(error.details) : [];
  const lines = problems.map(({ field, message }) => `${field}: ${message}\n`);
  // One problem is often all that the error says.
  if (problems.length === 1 && problems[0]?.message === error.message) return lines.join('');
  return `${textToLine(error.message)}\n${lines.map((line) => `  ${line}`).join('')}`;
}

function errorToJson(error: Error): string {
  const code = isAppError(error) ? error.code : 'INTERNAL';
  const details = isAppError(error) ? error.details : undefined;
  return `${JSON.stringify({ success: false, error: { code, message: error.message, details } })}\n`;
}
