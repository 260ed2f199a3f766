import type { Command } from 'commander';
import { AppError, isAppError, toError } from '../../lib/errors.ts';
import { chooseAccount } from '../account-choice.ts';
import { CLI } from '../cli-command.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { openExportFile, readExportHead } from '../export-file.ts';
import { idToLinkCommand } from '../link-step.ts';
import { exampleHelp } from '../listing.ts';
import { PASSPHRASE_HELP, PASSPHRASE_OPTION, type PassphraseOptions, takePassphrase } from '../passphrase.ts';
import { byteCount } from '../terminal-text.ts';
import { VaultApi } from '../vault-api.ts';

interface ExportOptions extends JsonOption, PassphraseOptions {
  readonly confirm?: boolean;
}

const DETAILS = `
The session is ended at the daemon, but not logged out: it goes on where the file is imported. Once the file is whole
and was read back, the session is closed at the daemon for good, since it must never run in two places.
If it is cut off before, the session rests at the daemon: export it again, or go on there with "link --account". If it
is cut off between the file and the end of the session, --confirm does what is left.
${PASSPHRASE_HELP}`;

/** `vault export`: moves a session into a file. */
export function addVaultExportCommand(vault: Command, context: CommandContext): void {
  vault
    .command('export')
    .summary('move a session into a file, for another host')
    .description("Ends an account's session at the daemon and moves it into a file under a passphrase.")
    .argument('<account>', 'id, phone number or name')
    .argument('<file>', 'a new file; one that is there is not overwritten')
    .option(...PASSPHRASE_OPTION)
    .option('--confirm', 'the file is there and whole: only close the session at the daemon')
    .option(...JSON_OPTION)
    .addHelpText('after', `${DETAILS}\n${exampleHelp('vault export +491700000001 front-desk.vault')}`)
    .action((wanted: string, file: string, options: ExportOptions) =>
      options.confirm
        ? confirmFile(context, wanted, { ...options, path: context.resolvePath(file) })
        : exportTo(context, wanted, { ...options, path: context.resolvePath(file) }),
    );
}

interface ExportTarget extends ExportOptions {
  readonly path: string;
}

async function exportTo(context: CommandContext, wanted: string, target: ExportTarget): Promise<void> {
  const { path, json } = target;
  await using file = await openExportFile(path);
  const api = await context.openApi();
  const accountId = await chooseAccount(api, wanted);
  const passphrase = await takePassphrase(context, { ...target, repeat: true });
  const vault = new VaultApi(api);
  const told = { context, json: json === true };

  const { generation, bytes } = await vault
    .export(accountId, passphrase)
    .catch((thrown: unknown) => giveUp(told, thrown, isRefusal(thrown) ? '' : afterRequest(accountId)));
  const size = await receive().catch((thrown: unknown) => giveUp(told, thrown, afterCutOff(accountId)));
  await vault
    .confirmExport(accountId, generation)
    .catch((thrown: unknown) => giveUp(told, thrown, afterFile(accountId, path, thrown)));
  if (json) writeJson(context, { accountId, generation, file: path, bytes: size });
  else context.write(describeExport(accountId, generation, `${path} (${byteCount(size)})`));

  async function receive(): Promise<number> {
    await file.write(bytes);
    return await file.finish({ accountId, generation, passphrase });
  }
}

async function confirmFile(
  context: CommandContext,
  wanted: string,
  { path, json }: ExportTarget,
): Promise<void> {
  const { identity } = await readExportHead(path);
  const api = await context.openApi();
  const accountId = await chooseAccount(api, wanted);
  const { generation } = identity;
  if (accountId.toLowerCase() !== identity.accountId) {
    throw new AppError('VALIDATION_FAILED', {
      message: `${path} holds the session of account ${identity.accountId}, not of ${accountId}. Nothing was done.`,
    });
  }
  await new VaultApi(api).confirmExport(accountId, generation);
  if (json) writeJson(context, { accountId, generation, file: path });
  else context.write(describeExport(accountId, generation, path));
}

function describeExport(accountId: string, generation: number, file: string): string {
  return `Exported: account ${accountId}, generation ${generation}, to ${file}.
The session is closed at this daemon for good; its messages stay. Nothing but the file can bring it back without a scan.
On the other host: npm run cli -- vault import <file>
Keep the passphrase elsewhere than the file, and delete the file once it is imported.
`;
}

/** Ends with the same error, and what has become of the session; a Ctrl-C has no error to say it with. */
function giveUp(
  { context, json }: { readonly context: CommandContext; readonly json: boolean },
  thrown: unknown,
  whatNow: string,
): never {
  if (context.signal.aborted || whatNow === '') {
    if (whatNow !== '' && !json) context.write(`\n${whatNow}\n`);
    throw thrown;
  }
  const error = toError(thrown);
  const code = isAppError(error) ? error.code : 'INTERNAL';
  const details = isAppError(error) ? error.details : undefined;
  throw new AppError(code, { message: `${error.message} ${whatNow}`, details, cause: thrown });
}

/** The daemon refused before it did anything. */
function isRefusal(thrown: unknown): boolean {
  return isAppError(thrown) && thrown.status < 500;
}

function afterRequest(accountId: string): string {
  return `Nothing was written. If the session was ended at the daemon already, it is neither logged out nor closed: export it again, or go on there with: ${idToLinkCommand(accountId)}`;
}

function afterCutOff(accountId: string): string {
  return `Nothing was kept of the file. The session rests at the daemon, neither logged out nor closed: export it again, or go on there with: ${idToLinkCommand(accountId)}`;
}

function afterFile(accountId: string, path: string, thrown: unknown): string {
  if (isAppError(thrown, 'EXPORT_OUTDATED')) {
    return `${path} is outdated: delete it, and never import it.`;
  }
  return `${path} is whole, but the session is not closed at the daemon yet. Before the file is imported, close it with: ${CLI} vault export ${accountId} ${path} --confirm`;
}
