import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { exampleHelp } from '../listing.ts';
import { addVaultExportCommand } from './vault-export.ts';
import { addVaultImportCommand } from './vault-import.ts';
import { addUpkeepCommands } from './vault-upkeep.ts';

/** `vault`: what operators do with sealed sessions. */
export function addVaultCommand(program: Command, context: CommandContext): void {
  const vault = program
    .command('vault')
    .summary('check sealed sessions, change their key, move one to another host')
    .description('Works on the sealed sessions of a running Switchboard.')
    .helpCommand(false)
    .addHelpText('after', exampleHelp('vault verify', 'vault export +491700000001 front-desk.vault'));
  addUpkeepCommands(vault, context);
  addVaultExportCommand(vault, context);
  addVaultImportCommand(vault, context);
}
