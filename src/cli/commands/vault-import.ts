import { openAsBlob } from 'node:fs';
import type { Command } from 'commander';
import { AppError, isAppError } from '../../lib/errors.ts';
import { CLI } from '../cli-command.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { readExportHead } from '../export-file.ts';
import { exampleHelp } from '../listing.ts';
import { PASSPHRASE_HELP, PASSPHRASE_OPTION, type PassphraseOptions, takePassphrase } from '../passphrase.ts';
import { VaultApi } from '../vault-api.ts';

const DETAILS = `
The account gets the id that it had, and is started at once. If the import fails, nothing of it is left here. Make sure
that the session was closed where it came from, as the export does: it must never run in two places.
${PASSPHRASE_HELP}`;

interface ImportOptions extends JsonOption, PassphraseOptions {}

/** `vault import`: takes a session in that was moved into a file. */
export function addVaultImportCommand(vault: Command, context: CommandContext): void {
  vault
    .command('import')
    .summary('take in a session that was exported at another host')
    .description('Takes in a session that vault export moved into a file, and starts it.')
    .argument('<file>', 'what vault export wrote')
    .option(...PASSPHRASE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', `${DETAILS}\n${exampleHelp('vault import front-desk.vault')}`)
    .action((file: string, options: ImportOptions) =>
      importFrom(context, context.resolvePath(file), options),
    );
}

async function importFrom(context: CommandContext, path: string, options: ImportOptions): Promise<void> {
  const { identity } = await readExportHead(path);
  const api = await context.openApi();
  const passphrase = await takePassphrase(context, { ...options, repeat: false });
  const imported = await new VaultApi(api)
    .import(await openAsBlob(path), passphrase)
    .catch((thrown: unknown) => {
      throw isAppError(thrown, 'UNAVAILABLE') ? tellUncertain(thrown, identity.accountId) : thrown;
    });
  const { accountId, generation } = imported;
  if (options.json) writeJson(context, imported);
  else {
    context.write(`Imported: account ${accountId}, as generation ${generation}. It is starting.
See how it goes on with: ${CLI} status ${accountId}
Once it is connected, delete the file: it is older than the session from now on.
`);
  }
}

/** The daemon may have got to its end without being able to say so. */
function tellUncertain(error: AppError, accountId: string): AppError {
  return new AppError(error.code, {
    message: `${error.message} Whether the session was taken in is not known: see ${CLI} status ${accountId}`,
    details: error.details,
    cause: error,
  });
}
