import type { Command } from 'commander';
import type { Schemas } from '../../client/client.ts';
import { API } from '../api-client.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { exampleHelp, writeList } from '../listing.ts';
import { instantText, textToLine } from '../terminal-text.ts';
import { checkLength, requireValid } from '../typed-values.ts';

interface ForgetOptions extends JsonOption {
  readonly force?: boolean;
}

/** Characters of an INSTANCE_ID. */
const MAX_ID = 64;

const DANGER = `
Make sure first that the daemon and its browsers are gone. Others start the
accounts of a forgotten instance at once: two browsers with one link throw each
other out, and messages may be lost. Nobody has to be forgotten: once the lease
has lapsed (see "instances list") others take the accounts by themselves.
`;

/** `instances`: the daemons that share the database. */
export function addInstancesCommand(program: Command, context: CommandContext): void {
  const instances = program
    .command('instances')
    .summary('list the daemons that share the database')
    .description(
      'Shows the daemons that share the database; with a key of tenant default. See docs/operations.md.',
    )
    .helpCommand(false)
    .addHelpText('after', exampleHelp('instances list'));
  instances
    .command('list')
    .summary('list them, with the accounts they hold')
    .description('Lists the daemons that share the database, oldest first.')
    .option(...JSON_OPTION)
    .addHelpText('after', exampleHelp('instances list'))
    .action((options: JsonOption) => listInstances(context, options));
  instances
    .command('forget')
    .summary('let others take the accounts of a dead one at once')
    .description('Ends the lease of a daemon that is dead, so that others take its accounts at once.')
    .argument('<instance>', 'its INSTANCE_ID')
    .option('--force', 'also if it has renewed its lease within 15 seconds, as a live one has')
    .option(...JSON_OPTION)
    .addHelpText('after', `${DANGER}${exampleHelp('instances forget switchboard-2')}`)
    .action((id: string, options: ForgetOptions) => forgetInstance(context, id, options));
}

async function listInstances(context: CommandContext, options: JsonOption): Promise<void> {
  const api = await context.openApi();
  const instances = await api.askAll((client) => client.list(`${API}/instances`));
  writeList<Schemas['Instance']>(context, options, instances, {
    none: 'No instance has a lease.',
    columns: {
      INSTANCE: ({ id }) => id,
      SINCE: ({ since }) => instantText(since),
      CAPACITY: ({ capacity }) => String(capacity),
      ACCOUNTS: ({ accounts }) => String(accounts),
      DRAINING: ({ draining }) => (draining ? 'yes' : '-'),
      'LEASE UNTIL': ({ leaseUntil }) => (leaseUntil === null ? 'for ever' : instantText(leaseUntil)),
    },
  });
}

async function forgetInstance(context: CommandContext, id: string, options: ForgetOptions): Promise<void> {
  requireValid(checkLength('<instance>', id, MAX_ID));
  const api = await context.openApi();
  const force = options.force ? 'true' : 'false';
  const outcome = await api.ask((client) =>
    client.delete(`${API}/instances/{instanceId}`, {
      params: { path: { instanceId: id }, query: { force } },
    }),
  );
  if (options.json) writeJson(context, outcome);
  else context.write(`Forgotten: ${textToLine(id)}. Accounts that are free: ${outcome.accounts}.\n`);
}
