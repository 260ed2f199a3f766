import type { Command } from 'commander';
import { PERMISSIONS, ROLES } from '../../accounts/permissions.ts';
import type { KeyView } from '../api-views.ts';
import { CLI } from '../cli-command.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { chooseKey } from '../key-choice.ts';
import { exampleHelp } from '../listing.ts';
import { instantText, rowsToTable, textToCell, textToLine } from '../terminal-text.ts';
import { checkFilled, checkOneOf, requireValid, withTypedNames } from '../typed-values.ts';

const MAX_NAME = 30;
const ROLE_NAMES = Object.keys(ROLES);

/** Fields of the API, as they are typed here. */
const TYPED_NAMES = { name: '<name>', role: '--role', scopes: '--scope', expiresAt: '--expires' };

/** `keys`: lists, makes and revokes API keys. */
export function addKeysCommand(program: Command, context: CommandContext): void {
  const keys = program
    .command('keys')
    .summary('list, make and revoke API keys')
    .description('Lists, makes and revokes API keys of the tenant; without a subcommand it lists them.')
    .helpCommand(false)
    .addHelpText('after', exampleHelp('keys', 'keys create Orders --role agent', 'keys revoke Orders'));
  keys
    .command('list', { isDefault: true })
    .summary('list the keys')
    .description(
      'Lists the keys that were not revoked, oldest first. The keys themselves are stored nowhere.',
    )
    .option(...JSON_OPTION)
    .addHelpText('after', exampleHelp('keys list'))
    .action((options: JsonOption) => listKeys(context, options));
  addCreateCommand(keys, context);
  keys
    .command('revoke')
    .summary('revoke a key at once')
    .description('Revokes a key at once, at every instance, with all that was granted to it.')
    .argument('<key>', 'id or name')
    .option(...JSON_OPTION)
    .addHelpText('after', exampleHelp('keys revoke Orders'))
    .action((wanted: string, options: JsonOption) => revokeKey(context, wanted, options));
}

interface CreateOptions extends JsonOption {
  readonly role: string;
  readonly scope?: readonly string[];
  readonly expires?: string;
}

function addCreateCommand(keys: Command, context: CommandContext): void {
  keys
    .command('create')
    .summary('make a key and print it, this once')
    .description(
      'Makes a key and prints it, this once. Agents and viewers use only the accounts that are granted to them: see docs/access.md.',
    )
    .argument('<name>', 'what the key is for')
    .requiredOption('--role <role>', `what it may do: ${ROLE_NAMES.join(', ')}`)
    .option('--scope <permission...>', `narrow the role to permissions: ${PERMISSIONS.join(', ')}`)
    .option('--expires <instant>', 'refuse it from then on, such as 2027-01-31T08:00:00Z')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      exampleHelp(
        'keys create Orders --role agent',
        'keys create Statistics --role admin --scope whatsapp:read',
      ),
    )
    .action((name: string, options: CreateOptions) => createKey(context, name, options));
}

async function listKeys(context: CommandContext, { json }: JsonOption): Promise<void> {
  const keys = await (await context.openApi()).listKeys();
  if (json) writeJson(context, keys);
  else context.write(describeKeys(keys));
}

async function createKey(
  context: CommandContext,
  name: string,
  { role, scope, expires, json }: CreateOptions,
): Promise<void> {
  requireValid(
    checkFilled('<name>', name),
    checkOneOf('--role', role, ROLE_NAMES),
    ...(scope ?? []).map((each) => checkOneOf('--scope', each, PERMISSIONS)),
  );
  const api = await context.openApi();
  const wish = {
    name,
    role,
    ...(scope === undefined ? {} : { scopes: scope }),
    ...(expires === undefined ? {} : { expiresAt: expires }),
  };
  const isTaken = (await api.listKeys()).some((key) => key.name === name);
  const made = await withTypedNames(api.createKey(wish), TYPED_NAMES);
  if (isTaken) {
    context.writeError(
      `Another key is called ${textToLine(name)} too: name them by their ids from now on (${CLI} keys).\n`,
    );
  }
  if (json) {
    writeJson(context, made);
    return;
  }
  const what = `${textToLine(made.name)} (${describePower(made)})`;
  context.write(`${made.key}\n`);
  context.write(
    `This is the key of ${what}. It is shown this once. Revoke it: ${CLI} keys revoke ${made.id}\n`,
  );
}

async function revokeKey(context: CommandContext, wanted: string, { json }: JsonOption): Promise<void> {
  const api = await context.openApi();
  const keyId = await chooseKey(api, wanted);
  await api.revokeKey(keyId);
  if (json) writeJson(context, { keyId, revoked: true });
  else context.write(`Revoked: key ${keyId}.\n`);
}

function describeKeys(keys: readonly KeyView[]): string {
  if (keys.length === 0) return 'There is no key.\n';
  return rowsToTable(
    ['ID', 'NAME', 'BEGINS WITH', 'ROLE', 'LAST USED', 'EXPIRES', 'INSTANCES'],
    keys.map((key) => [
      key.id,
      textToCell(key.name, MAX_NAME),
      textToLine(key.prefix),
      describePower(key),
      key.lastUsedAt === null ? 'never' : instantText(key.lastUsedAt),
      key.expiresAt === null ? 'never' : instantText(key.expiresAt),
      key.instances.length === 0 ? '-' : key.instances.join(' '),
    ]),
  );
}

/** The role, and what it is narrowed to. */
function describePower({ role, scopes }: KeyView): string {
  return scopes === null ? role : `${role}: ${scopes.join(' ')}`;
}
