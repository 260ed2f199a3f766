import type { Command } from 'commander';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { describeChecks } from '../doctor/finding.ts';
import { EXIT } from '../exit-code.ts';

const DETAILS = `
It looks at this machine, beside a running daemon or without one, and changes nothing. If SWITCHBOARD_URL names another
machine, what that daemon tells over HTTP is told, and the rest is not known (?). An address of this machine counts as
here, also where a tunnel or a container's port leads elsewhere.
Exit code 1 if anything is BAD; what is only a warning or not known exits with 0.
`;

/** `doctor`: says whether this machine has what a daemon needs, and what to do where it has not. */
export function addDoctorCommand(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .summary('check what the daemon needs, each with a remedy')
    .description(
      'Checks the configuration, the daemon, Chromium, Redis, PostgreSQL, the key, disks, memory for opened sessions, the port and the clock.',
    )
    .option(...JSON_OPTION)
    .addHelpText('after', DETAILS)
    .action((options: JsonOption) => doctor(context, options));
}

async function doctor(context: CommandContext, { json }: JsonOption): Promise<void> {
  // The stores' clients are loaded for this command alone.
  const { examine } = await import('../doctor/examination.ts');
  const examination = await examine({ ...context.readSurroundings(), signal: context.signal });
  if (json) writeJson(context, examination);
  else context.write(describeChecks(examination.checks));
  if (examination.checks.some(({ outcome }) => outcome === 'bad')) context.exitWith(EXIT.failed);
}
