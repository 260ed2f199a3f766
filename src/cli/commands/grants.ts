import type { Command } from 'commander';
import type { Schemas } from '../../client/client.ts';
import { AppError } from '../../lib/errors.ts';
import { chooseAccount } from '../account-choice.ts';
import { API, type ApiClient } from '../api-client.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { chooseKey } from '../key-choice.ts';
import { exampleHelp, writeList } from '../listing.ts';
import { instantText, textToLine } from '../terminal-text.ts';
import { checkLength, requireValid, withTypedNames } from '../typed-values.ts';

interface ChangeOptions extends JsonOption {
  readonly key?: string;
}

/** Characters of a `sub`: what is longer is no address of the API. */
const MAX_USER = 255;

const GRANT = `${API}/accounts/{accountId}/grants/{userId}`;

/** `grants`: which agents and viewers may use an account. */
export function addGrantsCommand(program: Command, context: CommandContext): void {
  const grants = program
    .command('grants')
    .summary('let agents and viewers use an account')
    .description(
      'Says which agents and viewers may use an account. Owners and admins use all of their tenant. See docs/access.md.',
    )
    .helpCommand(false)
    .addHelpText('after', exampleHelp('grants list "Front desk"', 'grants add "Front desk" --key Orders'));
  grants
    .command('list')
    .summary('list to whom an account was granted')
    .description('Lists to whom an account was granted, oldest first.')
    .argument('<account>', 'id, phone number or name')
    .option(...JSON_OPTION)
    .addHelpText('after', exampleHelp('grants list "Front desk"'))
    .action((wanted: string, options: JsonOption) => listGrants(context, wanted, options));
  for (const change of CHANGES) addChangeCommand(grants, context, change);
}

interface Change {
  readonly name: 'add' | 'remove';
  readonly summary: string;
  readonly description: string;
  /** Begins the sentence about what was done. */
  readonly done: string;
  readonly ask: (api: ApiClient, path: { accountId: string; userId: string }) => Promise<GrantOutcome>;
}

interface GrantOutcome {
  readonly userId: string;
}

const CHANGES: readonly Change[] = [
  {
    name: 'add',
    summary: 'let an agent or viewer use an account',
    description: 'Lets an agent or viewer use an account, from now on. May be repeated.',
    done: 'Granted',
    ask: (api, path) => api.ask((client) => client.put(GRANT, { params: { path }, body: {} })),
  },
  {
    name: 'remove',
    summary: 'end that',
    description:
      'Ends that an agent or viewer may use an account, also for open connections. May be repeated.',
    done: 'No longer granted',
    ask: (api, path) => api.ask((client) => client.delete(GRANT, { params: { path } })),
  },
];

function addChangeCommand(grants: Command, context: CommandContext, change: Change): void {
  const { name, summary, description } = change;
  grants
    .command(name)
    .summary(summary)
    .description(description)
    .argument('<account>', 'id, phone number or name')
    .argument('[user]', 'the `sub` of a user of the host application, exactly as the token has it')
    .option('--key <key>', 'instead of a user: id or name of an API key')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      exampleHelp(`grants ${name} "Front desk" ada@shop.example`, `grants ${name} "Front desk" --key Orders`),
    )
    .action((wanted: string, user: string | undefined, options: ChangeOptions) =>
      changeGrant(context, change, { wanted, user, ...options }),
    );
}

async function listGrants(context: CommandContext, wanted: string, options: JsonOption): Promise<void> {
  const api = await context.openApi();
  const path = { accountId: await chooseAccount(api, wanted) };
  const grants = await api.askAll((client) =>
    client.list(`${API}/accounts/{accountId}/grants`, { params: { path } }),
  );
  const keys = new Map(options.json ? [] : (await api.listKeys()).map(({ id, name }) => [id, name] as const));
  writeList<Schemas['Grant']>(context, options, grants, {
    none: 'Granted to nobody: owners and admins alone use it.',
    columns: {
      USER: ({ userId }) => userId,
      KEY: ({ userId }) => keys.get(userId) ?? '-',
      'GRANTED BY': ({ grantedBy }) => keys.get(grantedBy) ?? grantedBy,
      AT: ({ grantedAt }) => instantText(grantedAt),
    },
  });
}

interface ChangeWish extends ChangeOptions {
  readonly wanted: string;
  readonly user: string | undefined;
}

async function changeGrant(
  context: CommandContext,
  { done, ask }: Change,
  { wanted, user, key, json }: ChangeWish,
): Promise<void> {
  if ((user === undefined) === (key === undefined)) {
    throw new AppError('VALIDATION_FAILED', {
      details: [{ field: '[user]', message: 'Give either a user or --key.' }],
    });
  }
  requireValid(checkLength('[user]', user, MAX_USER));
  const api = await context.openApi();
  const accountId = await chooseAccount(api, wanted);
  const userId = key === undefined ? (user ?? '') : await chooseKey(api, key);
  const outcome = await withTypedNames(ask(api, { accountId, userId }), { userId: '[user]' });
  if (json) writeJson(context, outcome);
  else context.write(`${done}: account ${accountId} to ${textToLine(key ?? userId)}.\n`);
}
