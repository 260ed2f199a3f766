import { Command, CommanderError } from 'commander';
import { findFieldProblems } from '../config/start-error.ts';
import { isAppError, toError } from '../lib/errors.ts';
import type { CommandContext } from './command-context.ts';
import { addAccountsCommand } from './commands/accounts.ts';
import { addDisconnectCommand } from './commands/disconnect.ts';
import { addLinkCommand } from './commands/link.ts';
import { addMessagesCommand } from './commands/messages.ts';
import { addQrCommand } from './commands/qr.ts';
import { addSendCommand } from './commands/send.ts';
import { addStatusCommand } from './commands/status.ts';
import { addVaultCommand } from './commands/vault.ts';
import { EXIT, EXIT_CODES_HELP, type ExitCode, errorToExitCode } from './exit-code.ts';
import { textToLine } from './terminal-text.ts';

const SUBCOMMANDS = [
  addLinkCommand,
  addAccountsCommand,
  addStatusCommand,
  addQrCommand,
  addSendCommand,
  addMessagesCommand,
  addDisconnectCommand,
  addVaultCommand,
];

const DESCRIPTION =
  'Talks to a running Switchboard: the one of this folder, or where SWITCHBOARD_URL and SWITCHBOARD_API_KEY point.';

/** What a run needs besides what its subcommand does. */
export interface ProgramContext extends CommandContext {
  /** To standard error. */
  writeError(text: string): void;
}

/** Runs the command line `args` (without node and the script) and resolves with its exit code; never rejects. */
export async function runProgram(args: readonly string[], context: ProgramContext): Promise<ExitCode> {
  try {
    await makeProgram(context).parseAsync([...args], { from: 'user' });
    return EXIT.ok;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (context.signal.aborted) return EXIT.interrupted;
    const error = toError(thrown);
    context.writeError(args.includes('--json') ? errorToJson(error) : describeError(error));
    return errorToExitCode(error);
  }
}

function makeProgram(context: ProgramContext): Command {
  const program = new Command('switchboard')
    .description(DESCRIPTION)
    .helpCommand(false)
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

function describeError(error: Error): string {
  const problems = isAppError(error) ? findFieldProblems(error.details) : [];
  const lines = problems.map(({ field, message }) => `  ${field}: ${message}\n`);
  return `${textToLine(error.message)}\n${lines.join('')}`;
}

function errorToJson(error: Error): string {
  const code = isAppError(error) ? error.code : 'INTERNAL';
  const details = isAppError(error) ? error.details : undefined;
  return `${JSON.stringify({ success: false, error: { code, message: error.message, details } })}\n`;
}
