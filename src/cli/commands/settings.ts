import type { Command } from 'commander';
import type { Schemas } from '../../client/client.ts';
import { API } from '../api-client.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { exampleHelp } from '../listing.ts';
import { requireValid, type TypedProblem, withTypedNames } from '../typed-values.ts';

/** What is typed to keep messages for ever. */
const FOR_EVER = 'forever';

/** A hundred years. */
const MAX_DAYS = 36_500;

interface SetOptions extends JsonOption {
  readonly retentionDays: string;
}

/** `settings`: what holds for all accounts of the tenant. */
export function addSettingsCommand(program: Command, context: CommandContext): void {
  const settings = program
    .command('settings')
    .summary('show or change what holds for all accounts')
    .description(
      'Shows or changes what holds for all accounts of the tenant; without a subcommand it shows it.',
    )
    .helpCommand(false)
    .addHelpText('after', exampleHelp('settings', 'settings set --retention-days 365'));
  settings
    .command('show', { isDefault: true })
    .summary('show the settings')
    .description('Shows what holds for all accounts of the tenant.')
    .option(...JSON_OPTION)
    .addHelpText('after', exampleHelp('settings'))
    .action((options: JsonOption) => showSettings(context, options));
  settings
    .command('set')
    .summary('change the settings')
    .description(
      'Changes for how many days messages are kept. Older ones are deleted within minutes, with their media. See docs/retention.md.',
    )
    .requiredOption('--retention-days <days>', `1 to ${MAX_DAYS}, or ${FOR_EVER}`)
    .option(...JSON_OPTION)
    .addHelpText('after', exampleHelp('settings set --retention-days 365'))
    .action((options: SetOptions) => changeSettings(context, options));
}

async function showSettings(context: CommandContext, { json }: JsonOption): Promise<void> {
  const api = await context.openApi();
  writeSettings(context, await api.ask((client) => client.get(`${API}/settings`)), json);
}

async function changeSettings(context: CommandContext, { retentionDays, json }: SetOptions): Promise<void> {
  requireValid(checkDays(retentionDays));
  const api = await context.openApi();
  const body = { retentionDays: retentionDays === FOR_EVER ? null : Number(retentionDays) };
  const asked = api.ask((client) => client.patch(`${API}/settings`, { body }));
  writeSettings(context, await withTypedNames(asked, { retentionDays: '--retention-days' }), json);
}

/** The daemon says the same, but that it takes null. */
function checkDays(text: string): TypedProblem {
  if (text === FOR_EVER || (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= MAX_DAYS))
    return undefined;
  return {
    field: '--retention-days',
    message: `Use a whole number of days, 1 to ${MAX_DAYS}, or ${FOR_EVER} to delete nothing.`,
  };
}

function writeSettings(
  context: CommandContext,
  settings: Schemas['Settings'],
  json: boolean | undefined,
): void {
  const { retentionDays } = settings;
  const kept = retentionDays === null ? 'for ever' : `for ${retentionDays} days`;
  if (json) writeJson(context, settings);
  else context.write(`Messages are kept ${kept}.\n`);
}
